//! What the page of a session or link tells once it can't be paid any more: the receipt of what was bought, or why it is
//! closed.

use axum::response::Response;
use http::StatusCode;
use serde_json::Value;

use super::{Found, checkout_form, show, success_url};
use crate::api::subscriptions;
use crate::clock::DAY;
use crate::page::{self, Bought, Closed, ClosedReason, Confirmation, Facts, Locale, Outcome, Sums};
use crate::pricing;
use crate::server::Shared;
use crate::state::{Account, Ctx, LineItem, text};

/// Why a link can't be paid.
pub(super) fn closed_reason(link: &Value) -> ClosedReason {
    let completed = &link["restrictions"]["completed_sessions"];
    match (completed["limit"].as_i64(), completed["count"].as_i64()) {
        (Some(limit), Some(count)) if count >= limit => {
            if limit == 1 {
                ClosedReason::Paid
            } else {
                ClosedReason::UsedUp
            }
        }
        _ => ClosedReason::Inactive,
    }
}

/// The page of a link that can't be paid, and of sessions of it.
pub(super) fn closed_link(link: &Value, merchant: Option<&str>, locale: Locale) -> Response {
    let message = link["inactive_message"].as_str();
    let page = Closed { reason: closed_reason(link), merchant, message, back_url: None, start_url: None };
    show(StatusCode::OK, page::closed(locale, &page))
}

/// The page of a session that is complete or has expired.
pub(super) fn done(shared: &Shared, found: &Found, locale: Locale) -> Response {
    let session = &found.session;
    let mut state = shared.lock();
    let mut ctx = state.enter(&found.account, &shared.public_url);
    let merchant = checkout_form(&mut ctx, session).merchant().map(str::to_owned);
    if session["status"] == "complete" {
        return receipt(&mut ctx, session, merchant.as_deref(), locale);
    }
    let link = object(ctx.account(), "payment_link", &session["payment_link"]);
    // A link that is closed says why itself; a visit that took too long can be begun again.
    if link["active"] == false {
        return closed_link(&link, merchant.as_deref(), locale);
    }
    let page = Closed {
        reason: ClosedReason::Expired,
        merchant: merchant.as_deref(),
        message: None,
        back_url: session["cancel_url"].as_str(),
        start_url: link["url"].as_str(),
    };
    show(StatusCode::OK, page::closed(locale, &page))
}

fn receipt(ctx: &mut Ctx<'_>, session: &Value, merchant: Option<&str>, locale: Locale) -> Response {
    let subscription = object(ctx.account(), "subscription", &session["subscription"]);
    let upcoming = subscriptions::upcoming(ctx, &subscription);
    let account = ctx.account();
    let of = |kind: &str| object(account, kind, &session[kind]);
    let (intent, invoice, link, setup) = (of("payment_intent"), of("invoice"), of("payment_link"), of("setup_intent"));
    let intent = if intent.is_null() { object(account, "payment_intent", &intent_of(&invoice)) } else { intent };
    let trial_days = trial_days(&subscription);
    let (lines, waived) = bought(account, account.line_items(text(session, "id")), trial_days.is_some());
    let total = session["amount_total"].as_i64().unwrap_or_default();
    let outcome = Outcome::of(session, &intent);
    let received = intent["amount_received"].as_i64().filter(|_| matches!(outcome, Outcome::Partly { .. }));
    let methods = [&intent["payment_method"], &subscription["default_payment_method"], &setup["payment_method"]];
    let method = methods.into_iter().find(|method| method.is_string()).unwrap_or(&Value::Null);
    let charge = object(account, "charge", &intent["latest_charge"]);
    let payment_id = intent["id"].as_str();
    let reference = [&subscription, &setup].iter().find_map(|object| object["id"].as_str());
    let facts = Facts {
        at: [&charge, &intent, &subscription, session].iter().find_map(|object| object["created"].as_i64()),
        payment_id: payment_id.map(str::to_owned),
        reference: reference.filter(|_| payment_id.is_none()).map(str::to_owned),
        method: object(account, "payment_method", method),
        email: session["customer_details"]["email"].as_str().map(str::to_owned),
        shipping: session["collected_information"]["shipping_details"].clone(),
    };
    let view = Confirmation {
        locale,
        merchant,
        currency: text(session, "currency"),
        amount: received.unwrap_or(total),
        outcome,
        lines,
        sums: Sums::of_session(session, (waived, trial_days), &|kind, id| account.get(kind, id).cloned()),
        upcoming,
        facts,
        message: link["after_completion"]["hosted_confirmation"]["custom_message"].as_str(),
        return_url: success_url(session),
        invoice_url: invoice["hosted_invoice_url"].as_str(),
        instructions: page::instructions(&intent, locale),
    };
    show(StatusCode::OK, page::confirmation(&view))
}

/// The intent that paid an invoice, by its id.
fn intent_of(invoice: &Value) -> Value {
    invoice["payments"]["data"][0]["payment"]["payment_intent"].clone()
}

/// How long a subscription's trial is, if it began with one: a day that has begun counts.
fn trial_days(subscription: &Value) -> Option<i64> {
    let (start, end) = (subscription["trial_start"].as_i64()?, subscription["trial_end"].as_i64()?);
    Some((end - start + DAY - 1) / DAY).filter(|days| *days > 0)
}

/// The lines, and what of them a trial left for later: those of the session cost nothing then, and are told at their price.
fn bought(account: &Account, items: &[LineItem], has_trial: bool) -> (Vec<Bought>, i64) {
    let mut waived = 0;
    let mut lines = Vec::with_capacity(items.len());
    for item in items {
        let price = account.get("price", &item.price).cloned().unwrap_or(Value::Null);
        let later = pricing::amount(&price, &item.currency, item.quantity, None)
            .filter(|_| has_trial && price["recurring"].is_object() && item.amount == 0);
        waived += later.unwrap_or_default();
        lines.push(Bought {
            name: item.description.clone(),
            quantity: item.quantity,
            packages: pricing::packages(&price, item.quantity).filter(|_| price["transform_quantity"].is_object()),
            amount: later.unwrap_or(item.amount),
        });
    }
    (lines, waived)
}

fn object(account: &Account, kind: &str, id: &Value) -> Value {
    id.as_str().and_then(|id| account.get(kind, id)).cloned().unwrap_or(Value::Null)
}
