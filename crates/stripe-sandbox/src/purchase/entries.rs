//! Whether all that the page of a session asks for was entered, and fits.

use serde_json::Value;

use crate::api::options::FIELD_VALUE_MAX;
use crate::api::sessions::DEBITS;
use crate::purchase::{Address, Entry, Method, Misfit, Purchase, Why};
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

/// Looks at each entry; `due` is what is to be paid today.
pub(crate) fn check(ctx: &mut Ctx<'_>, session: &Value, purchase: &Purchase, due: i64, misfits: &mut Vec<Misfit>) {
    let mut refuse = |field: Entry, why: Why| misfits.push(Misfit { field, why });
    let known = session["customer"].as_str().and_then(|id| ctx.account().get("customer", id));
    let has_email =
        known.is_some_and(|customer| customer["email"].is_string()) || session["customer_email"].is_string();
    match purchase.email.trim() {
        "" if has_email => {}
        "" => refuse(Entry::Email, Why::Missing),
        email if !is_email(email) => refuse(Entry::Email, Why::Malformed),
        _ => {}
    }
    let mut note = |field: Entry, found: Result<(), Why>| {
        if let Err(why) = found {
            refuse(field, why);
        }
    };
    let pays = !matches!(purchase.method, Method::None | Method::BankTransfer);
    if pays && purchase.name.trim().is_empty() {
        note(Entry::Name, Err(Why::Missing));
    }
    let whole = session["billing_address_collection"] == "required";
    if pays || whole || session["automatic_tax"]["enabled"] == true {
        note(Entry::BillingAddress, address(&purchase.billing, whole));
    }
    if session["shipping_address_collection"].is_object() {
        note(Entry::ShippingAddress, shipping(session, purchase));
    }
    if session["phone_number_collection"]["enabled"] == true {
        note(Entry::Phone, phone(purchase.phone.as_deref().unwrap_or_default()));
    }
    for (kind, field, entered) in [
        ("individual", Entry::IndividualName, &purchase.individual_name),
        ("business", Entry::BusinessName, &purchase.business_name),
    ] {
        let asked = &session["name_collection"][kind];
        if asked["enabled"] == true {
            note(field, name(entered.as_deref().unwrap_or_default(), asked["optional"] == true));
        }
    }
    if session["tax_id_collection"]["enabled"] == true {
        note(Entry::TaxId, tax_id(session, purchase));
    }
    for field in session["custom_fields"].as_array().into_iter().flatten() {
        let key = text(field, "key").to_owned();
        let found = custom_value(field, purchase.custom_fields.get(&key).map(String::as_str)).map(|_| ());
        note(Entry::CustomField(key), found);
    }
    if session["consent_collection"]["terms_of_service"] == "required" && !purchase.terms_accepted {
        note(Entry::Terms, Err(Why::Missing));
    }
    note(Entry::Method, method(session, purchase, due));
}

pub(crate) fn is_email(text: &str) -> bool {
    let is_host =
        |host: &str| host.contains('.') && !host.contains('@') && !host.starts_with('.') && !host.ends_with('.');
    text.chars().count() <= 800
        && !text.contains(char::is_whitespace)
        && text.split_once('@').is_some_and(|(local, host)| !local.is_empty() && is_host(host))
}

/// The country always; the rest where the whole address is asked for.
fn address(address: &Address, whole: bool) -> Result<(), Why> {
    if address.country.is_empty() {
        return Err(Why::Missing);
    }
    if address.country.len() != 2 || !address.country.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(Why::Malformed);
    }
    let country = address.country.as_str();
    let is_missing = address.line1.trim().is_empty()
        || (address.city.trim().is_empty() && country != "SG")
        || (address.postal_code.trim().is_empty() && !NO_POSTAL_CODE.contains(&country))
        || (address.state.trim().is_empty() && STATES.contains(&country));
    if whole && is_missing { Err(Why::Missing) } else { Ok(()) }
}

fn shipping(session: &Value, purchase: &Purchase) -> Result<(), Why> {
    let recipient = purchase.shipping.as_ref().ok_or(Why::Missing)?;
    if recipient.name.trim().is_empty() {
        return Err(Why::Missing);
    }
    address(&recipient.address, true)?;
    let served = session["shipping_address_collection"]["allowed_countries"].as_array();
    let is_served =
        served.is_some_and(|served| served.iter().any(|country| country == recipient.address.country.as_str()));
    if is_served { Ok(()) } else { Err(Why::CountryNotServed) }
}

/// Digits as E.164 has them, with the signs that people put between.
fn phone(entered: &str) -> Result<(), Why> {
    let entered = entered.trim();
    if entered.is_empty() {
        return Err(Why::Missing);
    }
    let digits = entered.bytes().filter(u8::is_ascii_digit).count();
    let rest = entered.strip_prefix('+').unwrap_or(entered);
    let fits = rest.chars().all(|c| c.is_ascii_digit() || " -().".contains(c));
    if fits && (7..=15).contains(&digits) { Ok(()) } else { Err(Why::Malformed) }
}

fn name(entered: &str, optional: bool) -> Result<(), Why> {
    match entered.trim().chars().count() {
        0 if !optional => Err(Why::Missing),
        151.. => Err(Why::TooLong(150)),
        _ => Ok(()),
    }
}

fn tax_id(session: &Value, purchase: &Purchase) -> Result<(), Why> {
    let Some((kind, value)) = purchase.tax_id.as_ref().filter(|(_, value)| !value.trim().is_empty()) else {
        let is_needed = session["tax_id_collection"]["required"] == "if_supported"
            && TAX_ID_COUNTRIES.contains(&purchase.billing.country.as_str());
        return if is_needed { Err(Why::Missing) } else { Ok(()) };
    };
    let value: String = value.chars().filter(|c| !c.is_whitespace()).collect();
    if !kind.contains('_') || !kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
        return Err(Why::NotAnOption);
    }
    let after = |prefix: usize| value.get(prefix..).unwrap_or_default();
    let fits = match kind.as_str() {
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
    if fits { Ok(()) } else { Err(Why::Malformed) }
}

/// The value of a custom field: what was entered, or else its default; none where it is optional and empty.
pub(crate) fn custom_value(field: &Value, entered: Option<&str>) -> Result<Option<String>, Why> {
    let kind = text(field, "type");
    let rules = &field[kind];
    let value = entered.or(rules["default_value"].as_str()).unwrap_or_default().trim();
    if value.is_empty() {
        return if field["optional"] == true { Ok(None) } else { Err(Why::Missing) };
    }
    if kind == "dropdown" {
        let is_option =
            rules["options"].as_array().is_some_and(|all| all.iter().any(|option| option["value"] == value));
        return if is_option { Ok(Some(value.to_owned())) } else { Err(Why::NotAnOption) };
    }
    if kind == "numeric" && !value.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Why::Malformed);
    }
    let length = i64::try_from(value.chars().count()).unwrap_or(i64::MAX);
    let most = rules["maximum_length"].as_i64().unwrap_or(FIELD_VALUE_MAX);
    match rules["minimum_length"].as_i64() {
        Some(least) if length < least => Err(Why::TooShort(least)),
        _ if length > most => Err(Why::TooLong(most)),
        _ => Ok(Some(value.to_owned())),
    }
}

/// Whether something is due, or a way to pay is kept for later, and the way chosen is one that the session offers.
fn method(session: &Value, purchase: &Purchase, due: i64) -> Result<(), Why> {
    let offers =
        |name: &str| session["payment_method_types"].as_array().is_some_and(|all| all.iter().any(|m| m == name));
    let is_offered = match &purchase.method {
        Method::None => {
            let is_kept = session["mode"] != "payment" && session["payment_method_collection"] != "if_required";
            return if due > 0 || is_kept { Err(Why::Missing) } else { Ok(()) };
        }
        Method::Card(card) => offers("card") && !is_blocked(session, card.brand),
        Method::BankTransfer => offers("customer_balance"),
        Method::BankDebit { account_ends } => {
            if account_ends.len() != 4 || !account_ends.bytes().all(|b| b.is_ascii_digit()) {
                return Err(Why::Malformed);
            }
            debit_type(session).is_some()
        }
    };
    if is_offered { Ok(()) } else { Err(Why::NotAnOption) }
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
