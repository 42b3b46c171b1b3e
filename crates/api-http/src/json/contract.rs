//! Compares `openapi.json` with the code, for the tests of the endpoints.

use std::collections::BTreeSet;

use domain::money::{Currency, Rounding};
use domain::party::Address;
use domain::redirect::RedirectPolicy;
use domain::seller::{NumberFormat, Seller, SellerId};
use domain::tax::{RoundingScope, TaxRounding};
use domain::text::PartyName;
use serde_json::Value;

use super::fault::STATUSES;
use super::reader::Reader;
use super::{Endpoint, OPENAPI, RequestIdPlace};

fn document() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

/// What a `$ref` leads to; anything else is itself.
pub(super) fn resolved(value: &Value) -> Value {
    match value["$ref"].as_str() {
        Some(path) => document().pointer(path.trim_start_matches('#')).cloned().unwrap(),
        None => value.clone(),
    }
}

pub(super) fn schema(name: &str) -> Value {
    document()["components"]["schemas"][name].clone()
}

fn operation<E: Endpoint>() -> Value {
    document()["paths"][E::PATH]["post"].clone()
}

pub(super) fn request_schema<E: Endpoint>() -> Value {
    resolved(&operation::<E>()["requestBody"]["content"]["application/json"]["schema"])
}

pub(super) fn request_examples<E: Endpoint>() -> Vec<Value> {
    let examples = operation::<E>()["requestBody"]["content"]["application/json"]["examples"].clone();
    let examples: Vec<_> = examples.as_object().unwrap().values().map(|example| example["value"].clone()).collect();
    assert!(!examples.is_empty());
    examples
}

pub(super) fn parameter<E: Endpoint>(name: &str) -> Value {
    let parameters = operation::<E>()["parameters"].clone();
    let parameters = parameters.as_array().unwrap().iter().map(resolved);
    parameters.into_iter().find(|parameter| parameter["name"] == name).unwrap()
}

fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

fn texts(list: &Value) -> BTreeSet<String> {
    names(list.as_array().unwrap().iter().map(|value| value.as_str().unwrap()))
}

/// The described choices are the code's.
pub(super) fn same_choices<'a>(schema: &Value, choices: impl IntoIterator<Item = &'a str>) {
    assert_eq!(texts(&schema["enum"]), names(choices));
}

/// The described fields are those that are read, and those that must be there are missed.
pub(super) fn same_fields<E: Endpoint>(schema: &Value, read: impl Fn(&mut Reader<'_>)) {
    let faults = |body: &Value, rule: &str| {
        let body = body.to_string();
        let mut reader = Reader::open(body.as_bytes()).unwrap();
        if let RequestIdPlace::Field(name) = E::REQUEST_ID {
            reader.optional(name, super::reader::text);
        }
        read(&mut reader);
        let violations = reader.close(None::<()>).unwrap_err();
        let faults = violations.iter().filter(|violation| violation.rule == rule);
        faults.map(|violation| violation.field.clone()).collect::<BTreeSet<String>>()
    };
    assert_eq!(schema["additionalProperties"], Value::Bool(false));
    assert_eq!(faults(&serde_json::json!({}), "REQUIRED"), texts(&schema["required"]));
    let described = names(schema["properties"].as_object().unwrap().keys().map(String::as_str));
    // No field is of the type `null`, so each that is read is refused for its type.
    let mut body: serde_json::Map<String, Value> = described.iter().map(|name| (name.clone(), Value::Null)).collect();
    body.insert("another".to_owned(), Value::Null);
    let body = Value::Object(body);
    assert_eq!(faults(&body, "WRONG_TYPE"), described);
    assert_eq!(faults(&body, "UNKNOWN_FIELD"), names(["another"]));
    let answers = operation::<E>()["responses"].clone();
    let statuses = names(answers.as_object().unwrap().keys().map(String::as_str));
    let known: Vec<String> = STATUSES.iter().chain(&[200]).map(u16::to_string).collect();
    assert_eq!(statuses, names(known.iter().map(String::as_str)));
}

pub(super) fn seller() -> Seller {
    Seller {
        id: SellerId::parse("acme").unwrap(),
        name: PartyName::parse("Acme AB").unwrap(),
        address: Address::parse(["", "", "", "", ""], "SE").unwrap(),
        email: None,
        letterhead: domain::letterhead::Letterhead::default(),
        mail_from: None,
        mail_reply_to: None,
        tax_ids: Vec::new(),
        tax_registrations: Vec::new(),
        default_tax_code: domain::tax::TaxCode::parse("electronic_service").unwrap(),
        tax_engine: domain::seller::TaxEngine::Tables,
        tax_rounding: TaxRounding { scope: RoundingScope::PerInvoice, mode: Rounding::HalfUp },
        invoice_numbers: NumberFormat::parse("INV-{number:5}").unwrap(),
        credit_note_numbers: NumberFormat::parse("CN-{number:5}").unwrap(),
        currency: Currency::parse("SEK").unwrap(),
        provider: "any".parse().unwrap(),
        redirects: RedirectPolicy::AnyHost,
        payment_terms_days: 30,
    }
}
