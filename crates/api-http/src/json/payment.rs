//! An ad-hoc payment, as a billing API asks for it: a hosted page for an amount, with its tax and its invoice.

use application::{App, CreatePayment, Mutation, TaxSpec};
use axum::http::HeaderName;
use axum::response::Response;
use domain::id::CustomerId;
use domain::metadata::Metadata;
use domain::money::{Currency, Money};
use domain::payment::Payment;
use domain::payment_link::AfterCompletion;
use domain::tax::TaxBehavior;
use domain::text::Description;
use domain::timestamp::Timestamp;
use serde::Serialize;

use super::fault::{Fault, FieldFault};
use super::reader::{Reader, number, text, timestamp};
use super::{Asked, Endpoint, Ids, RequestIdPlace, iso, json};

/// `POST /payments`.
pub(super) struct Payments;

/// What is answered. The names are the reference's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Data {
    id: String,
    customer_id: Option<String>,
    kind: &'static str,
    status: &'static str,
    provider: String,
    amount_subtotal: i64,
    tax_amount: i64,
    amount_total: i64,
    currency: String,
    description: Option<String>,
    metadata: Metadata,
    url: Option<String>,
    expires_at: Option<String>,
    created_at: String,
    updated_at: String,
    object: &'static str,
    livemode: bool,
}

impl Data {
    fn of(payment: &Payment) -> Self {
        Self {
            id: payment.id.to_string(),
            customer_id: payment.customer_id.map(|id| id.to_string()),
            // What this endpoint makes is a link, whatever else a payment can come from.
            kind: "link",
            status: payment.state.name(),
            provider: payment.provider.to_string(),
            amount_subtotal: payment.subtotal.minor(),
            tax_amount: payment.tax.minor(),
            amount_total: payment.total.minor(),
            currency: payment.total.currency().code().to_owned(),
            description: payment.description.as_ref().map(ToString::to_string),
            metadata: payment.metadata.clone(),
            url: payment.url.clone(),
            expires_at: payment.expires_at.map(iso),
            created_at: iso(payment.created_at),
            updated_at: iso(payment.updated_at),
            object: "payment",
            livemode: payment.livemode,
        }
    }
}

#[derive(Serialize)]
struct Success {
    success: bool,
    data: Data,
}

#[derive(Serialize)]
struct Failure<'a> {
    success: bool,
    error: FailureError<'a>,
}

#[derive(Serialize)]
struct FailureError<'a> {
    r#type: &'static str,
    code: &'a str,
    message: &'a str,
    param: Option<&'a str>,
    details: Option<&'a [FieldFault]>,
    doc_url: &'static str,
}

/// What kind of fault a status is.
const fn fault_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        429 => "rate_limit_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

fn read(reader: &mut Reader<'_>) -> Option<CreatePayment> {
    let currency = reader.required("currency", |raw| Currency::parse(&text(raw)?));
    // A currency that is unknown does not hide an amount that is wrong.
    let probe = currency.or_else(|| Currency::parse("EUR").ok());
    let amount = reader.required("amount", |raw| number(raw)?.minor_units(0));
    let amount =
        amount.zip(probe).and_then(|(minor, probe)| reader.validator.check("amount", Money::positive(minor, probe)));
    let description = reader.required("description", |raw| Description::parse(&text(raw)?));
    let customer_id: Option<Option<CustomerId>> = reader.optional("customerId", |raw| text(raw)?.parse());
    let metadata = reader.metadata();
    let expires_at = reader.optional("expiresAt", timestamp);
    currency?;
    Some(CreatePayment {
        amount: amount?,
        // As for a caller of gRPC who says nothing: what is named is what the customer pays, and the tables say what tax
        // is in it.
        tax_behavior: TaxBehavior::Inclusive,
        tax: TaxSpec::Automatic { tax_code: None },
        description: description?,
        customer_id: customer_id?,
        metadata: metadata?,
        expires_at: expires_at?,
        after_completion: AfterCompletion::Confirmation,
    })
}

impl Endpoint for Payments {
    const PATH: &'static str = "/payments";
    const REQUEST_ID: RequestIdPlace = RequestIdPlace::Header(HeaderName::from_static("idempotency-key"));
    const NAMES: &'static [(&'static str, &'static str)] = &[
        ("customer_id", "customerId"),
        ("expire_time", "expiresAt"),
        // A provider that refuses an amount names the items that it was asked to sell.
        ("line_items", "amount"),
        ("request_id", "Idempotency-Key"),
        ("seller_id", "X-Seller-Id"),
    ];
    type Data = Data;

    async fn answer(app: &App, asked: Asked<'_>) -> Result<Data, Fault> {
        let Asked { caller, seller, request_id, mut reader } = asked;
        let command = read(&mut reader);
        let (request_id, command) = reader.close(request_id.zip(command))?;
        let payment = app.create_payment(Mutation { caller, seller, request_id, command }).await?;
        Ok(Data::of(&payment))
    }

    fn success(_: &Ids, _: Timestamp, data: Data) -> Response {
        json(&Success { success: true, data })
    }

    fn failure(_: &Ids, _: Timestamp, fault: Fault) -> Response {
        let error = FailureError {
            r#type: fault_type(fault.status.as_u16()),
            code: fault.code,
            message: &fault.message,
            param: fault.details.first().map(|first| first.field.as_str()),
            details: (!fault.details.is_empty()).then_some(&fault.details),
            doc_url: "/openapi.json",
        };
        json(&Failure { success: false, error })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::idempotency::RequestId;
    use serde_json::json;

    use super::*;
    use crate::json::contract;
    use crate::json::fault::STATUSES;

    #[test]
    fn the_description_has_the_fields_and_bounds_of_the_code() {
        let schema = contract::request_schema::<Payments>();
        contract::same_fields::<Payments>(&schema, |reader| {
            read(reader);
        });
        let properties = &schema["properties"];
        assert_eq!(properties["amount"]["maximum"], json!(Money::MINOR_MAX));
        assert_eq!(properties["description"]["maxLength"], json!(Description::CHARS_MAX));
        let metadata = contract::resolved(&properties["metadata"]);
        assert_eq!(metadata["maxProperties"], json!(Metadata::PAIRS_MAX));
        assert_eq!(metadata["propertyNames"]["maxLength"], json!(Metadata::KEY_CHARS_MAX));
        assert_eq!(metadata["additionalProperties"]["maxLength"], json!(Metadata::VALUE_CHARS_MAX));
        let key = contract::parameter::<Payments>("Idempotency-Key");
        assert_eq!(key["schema"]["maxLength"], json!(RequestId::CHARS_MAX));
    }

    #[test]
    fn the_described_currencies_are_those_in_circulation() {
        let letters = || b'A'..=b'Z';
        let all = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
        let codes: Vec<_> = all.map(|code| String::from_utf8(code.to_vec()).unwrap()).collect();
        let known = || codes.iter().map(String::as_str).filter(|code| Currency::parse(code).is_ok());
        contract::same_choices(&contract::schema("PaymentRequest")["properties"]["currency"], known());
        contract::same_choices(&contract::schema("Payment")["properties"]["currency"], known());
    }

    #[test]
    fn every_kind_of_fault_is_described() {
        let kinds: BTreeSet<_> = STATUSES.into_iter().map(fault_type).collect();
        contract::same_choices(&contract::schema("PaymentFault")["properties"]["error"]["properties"]["type"], kinds);
    }

    #[test]
    fn the_examples_are_read_as_they_are() {
        for example in contract::request_examples::<Payments>() {
            let body = example.to_string();
            let mut reader = Reader::open(body.as_bytes()).unwrap();
            let command = read(&mut reader);
            let command = reader.close(command).unwrap();
            assert_eq!(json!(command.amount.minor()), example["amount"]);
        }
    }

    #[test]
    fn an_amount_is_whole_minor_units_and_every_fault_is_told() {
        let body = br#"{"amount": 1.5, "currency": "XXX", "description": "", "expiresAt": "soon", "customerId": 7}"#;
        let mut reader = Reader::open(body).unwrap();
        let command = read(&mut reader);
        let violations = reader.close(command).unwrap_err();
        let told: Vec<_> = violations.iter().map(|violation| violation.rule.as_str()).collect();
        let want = ["UNKNOWN_CURRENCY", "TOO_MANY_DECIMALS", "REQUIRED", "WRONG_TYPE", "MALFORMED_TIMESTAMP"];
        assert_eq!(told, want);
    }
}
