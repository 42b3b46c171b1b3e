//! Whether all that the page of a session asks for was entered, and fits: the one home of these rules. The page asks here
//! what it must show, and parses; it judges nothing itself.

use serde_json::Value;

use crate::api::items;
use crate::api::options::FIELD_VALUE_MAX;
use crate::api::sessions::DEBITS;
use crate::purchase::postal_codes;
use crate::purchase::{Address, AddressPart, FieldError, FieldErrorKind, FormField, Method, Purchase};
use crate::state::{Ctx, text};

/// Countries whose addresses have no postal code that everyone has.
const NO_POSTAL_CODE: [&str; 12] = ["AE", "AG", "AO", "BS", "HK", "IE", "JM", "KE", "PA", "QA", "TT", "ZW"];
/// Countries whose addresses need a state.
const STATES: [&str; 7] = ["AU", "BR", "CA", "IN", "JP", "MX", "US"];
/// Where a tax id can be asked for; elsewhere none is needed, though the link requires one.
const TAX_ID_COUNTRIES: [&str; 32] = [
    "AT", "AU", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE", "IT",
    "LT", "LU", "LV", "MT", "NL", "NO", "NZ", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// Looks at each field; `due` is what is to be paid today.
pub(crate) fn check(
    ctx: &mut Ctx<'_>,
    session: &Value,
    purchase: &Purchase,
    due: i64,
    field_errors: &mut Vec<FieldError>,
) {
    let known = session["customer"].as_str().and_then(|id| ctx.account().get("customer", id));
    let has_email =
        known.is_some_and(|customer| customer["email"].is_string()) || session["customer_email"].is_string();
    let mut note = |field: FormField, found: Result<(), FieldErrorKind>| {
        if let Err(kind) = found {
            field_errors.push(FieldError { field, kind });
        }
    };
    note(
        FormField::Email,
        match purchase.email.as_deref().map(str::trim) {
            None if has_email => Ok(()),
            // An address that is known already stood in the field: who empties it does not mean it.
            None | Some("") => Err(FieldErrorKind::Missing),
            Some(email) if !is_email(email) => Err(FieldErrorKind::Malformed),
            Some(_) => Ok(()),
        },
    );
    let draws = needs_method(session, due) && !matches!(purchase.method, Method::BankTransfer);
    let whole = session["billing_address_collection"] == "required";
    if needs_name(draws, whole) {
        note(FormField::Name, present(&purchase.name));
    }
    if needs_country(draws, whole, session["automatic_tax"]["enabled"] == true) {
        for (part, kind) in address(&purchase.billing, whole) {
            note(FormField::BillingAddress(part), Err(kind));
        }
    }
    if session["shipping_address_collection"].is_object() {
        let recipient = purchase.shipping.clone().unwrap_or_default();
        note(FormField::ShippingName, present(&recipient.name));
        for (part, kind) in address(&recipient.address, true) {
            note(FormField::ShippingAddress(part), Err(kind));
        }
        if !recipient.address.country.is_empty() && !is_served(session, &recipient.address.country) {
            note(FormField::ShippingAddress(AddressPart::Country), Err(FieldErrorKind::CountryNotServed));
        }
    }
    if session["phone_number_collection"]["enabled"] == true {
        note(FormField::Phone, phone(purchase.phone.as_deref().unwrap_or_default()));
    }
    for (kind, field, entered) in [
        ("individual", FormField::IndividualName, &purchase.individual_name),
        ("business", FormField::BusinessName, &purchase.business_name),
    ] {
        let asked = &session["name_collection"][kind];
        if asked["enabled"] == true {
            note(field, name(entered.as_deref().unwrap_or_default(), asked["optional"] == true));
        }
    }
    if session["tax_id_collection"]["enabled"] == true {
        for (field, kind) in tax_id(session, purchase) {
            note(field, Err(kind));
        }
    }
    for field in session["custom_fields"].as_array().into_iter().flatten() {
        let key = text(field, "key").to_owned();
        let found = custom_value(field, purchase.custom_fields.get(&key).map(String::as_str)).map(|_| ());
        note(FormField::CustomField(key), found);
    }
    if session["consent_collection"]["terms_of_service"] == "required" && !purchase.terms_accepted {
        note(FormField::Terms, Err(FieldErrorKind::Missing));
    }
    note(FormField::Method, method(session, purchase, due));
}

/// Whether the customer must say how to pay: something is due, or a way to pay is kept for later.
pub(crate) fn needs_method(session: &Value, due: i64) -> bool {
    due > 0 || (session["mode"] != "payment" && session["payment_method_collection"] != "if_required")
}

/// Whether a name is asked: that of whose card or account is drawn on, or to whom a bill goes.
pub(crate) const fn needs_name(draws: bool, whole_billing_address: bool) -> bool {
    draws || whole_billing_address
}

/// Whether at least the country of the billing address is asked.
pub(crate) const fn needs_country(draws: bool, whole_billing_address: bool, automatic_tax: bool) -> bool {
    draws || whole_billing_address || automatic_tax
}

/// Whether an address in a country is whole without this part of it.
pub(crate) fn needs_part(country: &str, part: AddressPart) -> bool {
    match part {
        AddressPart::Country | AddressPart::Line1 => true,
        AddressPart::City => country != "SG",
        AddressPart::PostalCode => !NO_POSTAL_CODE.contains(&country),
        AddressPart::State => STATES.contains(&country),
    }
}

/// The least and the most of a line item, where the customer chooses; the only line of an order can't be left out.
pub(crate) fn quantity_bounds(adjustable: &Value, is_alone: bool) -> Option<(i64, i64)> {
    items::bounds(adjustable).map(|(least, most)| (if is_alone { least.max(1) } else { least }, most))
}

/// The least and the most of an optional item that is taken, where the customer chooses.
pub(crate) fn offer_bounds(adjustable: &Value) -> Option<(i64, i64)> {
    quantity_bounds(adjustable, true)
}

fn present(entered: &str) -> Result<(), FieldErrorKind> {
    if entered.trim().is_empty() { Err(FieldErrorKind::Missing) } else { Ok(()) }
}

pub(crate) fn is_email(text: &str) -> bool {
    let is_host =
        |host: &str| host.contains('.') && !host.contains('@') && !host.starts_with('.') && !host.ends_with('.');
    text.chars().count() <= 800
        && !text.contains(char::is_whitespace)
        && text.split_once('@').is_some_and(|(local, host)| !local.is_empty() && is_host(host))
}

/// What is wrong with an address: its country is always needed, the rest where the whole address is asked for.
fn address(address: &Address, whole: bool) -> Vec<(AddressPart, FieldErrorKind)> {
    let country = address.country.as_str();
    let mut wrong = Vec::new();
    if country.is_empty() {
        wrong.push((AddressPart::Country, FieldErrorKind::Missing));
    } else if country.len() != 2 || !country.bytes().all(|b| b.is_ascii_uppercase()) {
        wrong.push((AddressPart::Country, FieldErrorKind::Malformed));
    }
    for (part, entered) in [
        (AddressPart::Line1, &address.line1),
        (AddressPart::PostalCode, &address.postal_code),
        (AddressPart::City, &address.city),
        (AddressPart::State, &address.state),
    ] {
        if whole && needs_part(country, part) && entered.trim().is_empty() {
            wrong.push((part, FieldErrorKind::Missing));
        }
    }
    let postal_code = address.postal_code.trim();
    if whole && !postal_code.is_empty() && !postal_codes::fits(country, postal_code) {
        wrong.push((AddressPart::PostalCode, FieldErrorKind::Malformed));
    }
    wrong
}

fn is_served(session: &Value, country: &str) -> bool {
    let served = session["shipping_address_collection"]["allowed_countries"].as_array();
    served.is_some_and(|served| served.iter().any(|known| known == country))
}

/// Digits as E.164 has them, with the signs that people put between.
fn phone(entered: &str) -> Result<(), FieldErrorKind> {
    let entered = entered.trim();
    if entered.is_empty() {
        return Err(FieldErrorKind::Missing);
    }
    let digits = entered.bytes().filter(u8::is_ascii_digit).count();
    let rest = entered.strip_prefix('+').unwrap_or(entered);
    let fits = rest.chars().all(|c| c.is_ascii_digit() || " -().".contains(c));
    if fits && (7..=15).contains(&digits) { Ok(()) } else { Err(FieldErrorKind::Malformed) }
}

fn name(entered: &str, optional: bool) -> Result<(), FieldErrorKind> {
    match entered.trim().chars().count() {
        0 if !optional => Err(FieldErrorKind::Missing),
        151.. => Err(FieldErrorKind::TooLong(150)),
        _ => Ok(()),
    }
}

/// What is wrong with a tax id: both of its halves are needed where one is.
fn tax_id(session: &Value, purchase: &Purchase) -> Vec<(FormField, FieldErrorKind)> {
    let (kind, value) = match &purchase.tax_id {
        Some((kind, value)) => (kind.trim(), value.trim()),
        None => ("", ""),
    };
    let is_needed = session["tax_id_collection"]["required"] == "if_supported"
        && TAX_ID_COUNTRIES.contains(&purchase.billing.country.as_str());
    if !is_needed && value.is_empty() {
        return Vec::new();
    }
    let halves = [(FormField::TaxIdType, kind), (FormField::TaxId, value)];
    let missing =
        halves.into_iter().filter(|(_, half)| half.is_empty()).map(|(field, _)| (field, FieldErrorKind::Missing));
    let missing: Vec<_> = missing.collect();
    if !missing.is_empty() {
        return missing;
    }
    let value: String = value.chars().filter(|c| !c.is_whitespace()).collect();
    if !kind.contains('_') || !kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
        return vec![(FormField::TaxIdType, FieldErrorKind::NotAnOption)];
    }
    let after = |prefix: usize| value.get(prefix..).unwrap_or_default();
    let fits = match kind {
        "eu_vat" => {
            value.bytes().take(2).all(|b| b.is_ascii_uppercase())
                && (8..=12).contains(&after(2).len())
                && after(2).bytes().all(|b| b.is_ascii_alphanumeric())
        }
        "gb_vat" => {
            value.starts_with("GB") && matches!(after(2).len(), 9 | 12) && after(2).bytes().all(|b| b.is_ascii_digit())
        }
        _ => (2..=30).contains(&value.len()) && value.is_ascii(),
    };
    if fits { Vec::new() } else { vec![(FormField::TaxId, FieldErrorKind::Malformed)] }
}

/// The value of a custom field: what was entered, or else its default; none where it is optional and empty.
pub(crate) fn custom_value(field: &Value, entered: Option<&str>) -> Result<Option<String>, FieldErrorKind> {
    let kind = text(field, "type");
    let rules = &field[kind];
    let value = entered.or(rules["default_value"].as_str()).unwrap_or_default().trim();
    if value.is_empty() {
        return if field["optional"] == true { Ok(None) } else { Err(FieldErrorKind::Missing) };
    }
    if kind == "dropdown" {
        let is_option =
            rules["options"].as_array().is_some_and(|all| all.iter().any(|option| option["value"] == value));
        return if is_option { Ok(Some(value.to_owned())) } else { Err(FieldErrorKind::NotAnOption) };
    }
    if kind == "numeric" && !value.bytes().all(|b| b.is_ascii_digit()) {
        return Err(FieldErrorKind::Malformed);
    }
    let length = i64::try_from(value.chars().count()).unwrap_or(i64::MAX);
    let most = rules["maximum_length"].as_i64().unwrap_or(FIELD_VALUE_MAX);
    match rules["minimum_length"].as_i64() {
        Some(least) if length < least => Err(FieldErrorKind::TooShort(least)),
        _ if length > most => Err(FieldErrorKind::TooLong(most)),
        _ => Ok(Some(value.to_owned())),
    }
}

/// Whether a way to pay is chosen where one is needed, and is one that the session offers.
fn method(session: &Value, purchase: &Purchase, due: i64) -> Result<(), FieldErrorKind> {
    let offers =
        |name: &str| session["payment_method_types"].as_array().is_some_and(|all| all.iter().any(|m| m == name));
    let is_offered = match &purchase.method {
        Method::None => return if needs_method(session, due) { Err(FieldErrorKind::Missing) } else { Ok(()) },
        Method::Card(card) if offers("card") && is_blocked(session, card.brand) => {
            return Err(FieldErrorKind::CardBrandNotAccepted);
        }
        Method::Card(_) => offers("card"),
        Method::BankTransfer => offers("customer_balance"),
        Method::BankDebit { account_ends } => {
            if account_ends.len() != 4 || !account_ends.bytes().all(|b| b.is_ascii_digit()) {
                return Err(FieldErrorKind::Malformed);
            }
            debit_type(session).is_some()
        }
    };
    if is_offered { Ok(()) } else { Err(FieldErrorKind::NotAnOption) }
}

/// Whether the merchant takes no cards of a brand, which Stripe names otherwise where it blocks it.
fn is_blocked(session: &Value, brand: &str) -> bool {
    let name = match brand {
        "amex" => "american_express",
        "diners" | "discover" | "jcb" | "unionpay" => "discover_global_network",
        brand => brand,
    };
    let blocked = session["payment_method_options"]["card"]["restrictions"]["brands_blocked"].as_array();
    blocked.is_some_and(|blocked| blocked.iter().any(|blocked| blocked == name))
}

/// The debit that a session offers, if it does.
pub(crate) fn debit_type(session: &Value) -> Option<&'static str> {
    let offered = session["payment_method_types"].as_array()?;
    DEBITS.iter().map(|(name, _)| *name).find(|name| offered.iter().any(|method| method == name))
}
