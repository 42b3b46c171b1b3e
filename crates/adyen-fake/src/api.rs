//! The operations of the Checkout API that are there.

use http::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::state::{Link, LinkStatus, State, written};

/// How far ahead the end of a payment link may be.
const LIFETIME_MAX: time::Duration = time::Duration::days(70);
/// How far ahead it is where nothing is said.
const LIFETIME: time::Duration = time::Duration::days(1);
/// The most characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 280;
/// The most characters of a reference.
const REFERENCE_CHARS_MAX: usize = 80;
/// Fields of a payment link that are known here; Adyen has more.
const LINK_FIELDS: [&str; 13] = [
    "allowedPaymentMethods",
    "amount",
    "captureDelayHours",
    "countryCode",
    "description",
    "expiresAt",
    "merchantAccount",
    "reference",
    "returnUrl",
    "reusable",
    "shopperEmail",
    "shopperLocale",
    "shopperStatement",
];
const REFUND_FIELDS: [&str; 4] = ["amount", "merchantAccount", "merchantRefundReason", "reference"];

/// What an operation came to: a status and a body.
pub(crate) type Outcome = (StatusCode, Value);

/// An error as Adyen tells it.
pub(crate) fn error(status: StatusCode, code: &str, message: &str) -> Outcome {
    let kind = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "security",
        _ => "validation",
    };
    (status, json!({"status": status.as_u16(), "errorCode": code, "message": message, "errorType": kind}))
}

fn invalid(field: &str) -> Outcome {
    error(StatusCode::UNPROCESSABLE_ENTITY, "14_0408", &format!("Field '{field}' is not valid."))
}

/// `POST /paymentLinks`.
pub(crate) fn create_link(state: &mut State, body: &Value, origin: &str) -> Outcome {
    let checked = check_fields(state, body, &LINK_FIELDS).and_then(|()| link_of(state, body));
    match checked {
        Ok(link) => {
            let id = state.new_reference("PL");
            state.links.insert(id.clone(), link);
            (StatusCode::CREATED, link_answer(state, &id, origin))
        }
        Err(refusal) => refusal,
    }
}

fn link_of(state: &State, body: &Value) -> Result<Link, Outcome> {
    let now = state.now();
    let expires_at = match body["expiresAt"].as_str() {
        Some(text) => OffsetDateTime::parse(text, &Rfc3339).map_err(|_| invalid("expiresAt"))?,
        None => now + LIFETIME,
    };
    if expires_at <= now || expires_at > now + LIFETIME_MAX {
        return Err(invalid("expiresAt"));
    }
    let is_longer = |field: &str, most: usize| body[field].as_str().is_some_and(|text| text.chars().count() > most);
    if is_longer("description", DESCRIPTION_CHARS_MAX) {
        return Err(invalid("description"));
    }
    let is_fit = |c: char| c.is_ascii_alphanumeric() || " .,'_-?+*/".contains(c);
    if body["shopperStatement"].as_str().is_some_and(|text| !text.chars().all(is_fit)) {
        return Err(invalid("shopperStatement"));
    }
    Ok(Link { request: body.clone(), status: LinkStatus::Active, expires_at })
}

/// What every request must have, and what it must not.
fn check_fields(state: &State, body: &Value, known: &[&str]) -> Result<(), Outcome> {
    let Some(fields) = body.as_object() else {
        return Err(error(StatusCode::BAD_REQUEST, "702", "Required object is not provided."));
    };
    if let Some(unknown) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        let message = format!("Structure of the request contains the unknown field: {unknown}");
        return Err(error(StatusCode::BAD_REQUEST, "702", &message));
    }
    if body["merchantAccount"] != state.merchant_account.as_str() {
        return Err(error(StatusCode::FORBIDDEN, "901", "Invalid Merchant Account"));
    }
    let is_text = |text: &str| (1..=REFERENCE_CHARS_MAX).contains(&text.chars().count());
    if !body["reference"].as_str().is_some_and(is_text) {
        return Err(error(StatusCode::UNPROCESSABLE_ENTITY, "130", "Required field 'reference' is not provided."));
    }
    let amount = &body["amount"];
    let is_currency = |code: &str| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase());
    if !amount["currency"].as_str().is_some_and(is_currency) || amount["value"].as_i64().is_none_or(|value| value <= 0)
    {
        return Err(error(StatusCode::UNPROCESSABLE_ENTITY, "137", "Field 'amount' is not valid."));
    }
    Ok(())
}

/// `GET /paymentLinks/{id}`.
pub(crate) fn get_link(state: &State, id: &str, origin: &str) -> Outcome {
    match state.links.contains_key(id) {
        true => (StatusCode::OK, link_answer(state, id, origin)),
        false => error(StatusCode::NOT_FOUND, "155", "The payment link was not found."),
    }
}

/// `PATCH /paymentLinks/{id}`: what is paid or closed stays as it is.
pub(crate) fn update_link(state: &mut State, id: &str, body: &Value, origin: &str) -> Outcome {
    if *body != json!({"status": "expired"}) {
        return invalid("status");
    }
    let Some(link) = state.links.get(id).cloned() else {
        return error(StatusCode::NOT_FOUND, "155", "The payment link was not found.");
    };
    if state.status(&link) != LinkStatus::Active {
        return error(StatusCode::UNPROCESSABLE_ENTITY, "152", "The payment link can't be expired.");
    }
    if let Some(link) = state.links.get_mut(id) {
        link.status = LinkStatus::Expired;
    }
    (StatusCode::OK, link_answer(state, id, origin))
}

/// A payment link as it is answered: what it was made of, and where it stands.
fn link_answer(state: &State, id: &str, origin: &str) -> Value {
    let Some(link) = state.links.get(id) else { return Value::Null };
    let mut answer = link.request.clone();
    // The answer tells the language and the rest as they were sent, but not when money is taken.
    if let Some(fields) = answer.as_object_mut() {
        fields.remove("captureDelayHours");
    }
    answer["id"] = id.into();
    answer["status"] = state.status(link).name().into();
    answer["url"] = format!("{origin}/pay/{id}").into();
    answer["expiresAt"] = written(link.expires_at).into();
    answer
}

/// `POST /payments/{psp}/refunds`. Adyen says that it received it, and what came of it later.
pub(crate) fn refund(state: &mut State, payment: &str, body: &Value) -> Outcome {
    if let Err(refusal) = check_fields(state, body, &REFUND_FIELDS) {
        return refusal;
    }
    if !state.payments.contains_key(payment) {
        return error(StatusCode::UNPROCESSABLE_ENTITY, "167", "Original pspReference required for this operation");
    }
    let amount = &body["amount"];
    let value = amount["value"].as_i64().unwrap_or_default();
    let is_too_much = value > state.refundable(payment);
    let reference = body["reference"].as_str().map(str::to_owned);
    let held = std::mem::replace(&mut state.holds_refunds, true);
    let psp = state.refund(payment, value, reference);
    state.holds_refunds = held;
    if is_too_much {
        state.end_refund(&psp, crate::state::Outcome::Failed);
    } else if !held {
        state.end_refund(&psp, crate::state::Outcome::Paid);
    }
    let answer = json!({
        "amount": amount, "merchantAccount": body["merchantAccount"], "paymentPspReference": payment,
        "pspReference": psp, "reference": body["reference"], "status": "received",
    });
    (StatusCode::CREATED, answer)
}
