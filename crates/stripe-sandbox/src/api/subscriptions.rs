//! Subscriptions: made by a session, renewed when the clock reaches the end of their period.

use serde_json::{Map, Value, json};
use time::{Date, Duration, Month, OffsetDateTime};

use crate::api::invoices::{self, Draft};
use crate::api::payments::{self, Order};
use crate::api::sessions::DEBITS;
use crate::api::{coupons, delayed, items};
use crate::check::refused;
use crate::clock::DAY;
use crate::error::ApiError;
use crate::purchase::Recurring;
use crate::purchase::figures::{self, AppliedDiscount, Figures, Line};
use crate::purchase::tax::Tax;
use crate::state::{Ctx, ScheduledTask, copy, merge_metadata, text};

/// How long before its end a trial's end is told, in seconds.
const NOTICE: i64 = 3 * DAY;

/// What a subscription begins with.
pub(crate) struct Start<'a> {
    pub(crate) session: &'a str,
    /// In the shape of a link's `subscription_data`, with fees and transfers beside.
    pub(crate) data: &'a Value,
    pub(crate) figures: &'a Figures,
    pub(crate) customer: &'a str,
    pub(crate) method: &'a Value,
}

/// Makes a subscription and its first invoice, and pays that; answers both, and the intent where something was due.
pub(crate) fn start(ctx: &mut Ctx<'_>, start: &Start<'_>) -> (Value, Value, Option<Value>) {
    let (figures, now) = (start.figures, ctx.now);
    let id = crate::ids::new("sub");
    let recurring: Vec<&Line> = figures.lines.iter().filter(|line| line.is_recurring()).collect();
    let (interval, count) = period_of(recurring.first().map_or(&Value::Null, |line| &line.price));
    let anchor = figures.trial_ends.unwrap_or(now);
    // The clock stops long before the calendar ends.
    let end = figures.trial_ends.or_else(|| after(anchor, &interval, count)).unwrap_or(i64::MAX);
    let items: Vec<Value> = recurring.iter().map(|line| item(line, &id, (now, end))).collect();
    let discount = figures.applied.as_ref().map(|applied| {
        let session = json!({"id": start.session, "customer": start.customer});
        discount(ctx, applied, &session, Some(&id))
    });
    let discounts: Vec<&Value> = discount.iter().map(|discount| &discount["id"]).collect();
    let data = start.data;
    let mut subscription = json!({
        "id": id, "object": "subscription", "application": null, "application_fee_percent": data["application_fee_percent"],
        "automatic_tax": {"disabled_reason": null, "enabled": figures.tax.is_some(), "liability": null},
        "billing_cycle_anchor": anchor, "billing_cycle_anchor_config": null, "billing_mode": {"flexible": null, "type": "classic"},
        "billing_schedules": [], "billing_thresholds": null, "cancel_at": null, "cancel_at_period_end": false, "canceled_at": null,
        "cancellation_details": {"comment": null, "feedback": null, "reason": null},
        "collection_method": "charge_automatically", "created": now, "currency": figures.currency,
        "customer": start.customer, "customer_account": null, "days_until_due": null,
        "default_payment_method": start.method["id"], "default_source": null, "default_tax_rates": [],
        "description": data["description"], "discounts": discounts, "ended_at": null,
        "invoice_settings": {"account_tax_ids": null, "custom_fields": null, "description": null, "footer": null,
            "issuer": {"type": "self"}},
        "items": {"object": "list", "data": items, "has_more": false, "url": format!("/v1/subscription_items?subscription={id}")},
        "latest_invoice": null, "livemode": false, "managed_payments": null, "metadata": data["metadata"].as_object().cloned().unwrap_or_default(),
        "next_pending_invoice_item_invoice": null, "on_behalf_of": data["on_behalf_of"], "pause_collection": null,
        "payment_settings": {"payment_method_options": null, "payment_method_types": null,
            "save_default_payment_method": "off"},
        "pending_invoice_item_interval": null, "pending_setup_intent": null, "pending_update": null, "schedule": null,
        "start_date": now, "status": if figures.trial_ends.is_some() { "trialing" } else { "active" }, "test_clock": null,
        "transfer_data": data["transfer_data"], "trial_end": figures.trial_ends,
        "trial_settings": if data["trial_settings"].is_null() {
            json!({"end_behavior": {"missing_payment_method": "create_invoice"}}) } else { data["trial_settings"].clone() },
        "trial_start": figures.trial_ends.map(|_| now),
    });
    if let Some(settings) = data["invoice_settings"].as_object() {
        let names: Vec<&str> = settings.keys().map(String::as_str).collect();
        copy(&mut subscription["invoice_settings"], settings, &names);
    }
    ctx.add("subscription", subscription.clone());
    ctx.add(
        "subscription_internal",
        json!({"id": id, "cycle": 0, "discount_used": figures.discount_today() > 0,
        "country": figures.tax.as_ref().map(|tax| tax.country.clone())}),
    );
    ctx.emit("customer.subscription.created", &subscription);
    schedule(ctx, &id, end, figures.trial_ends);
    let line_items = figures.line_items(&[]);
    let draft = Draft {
        customer: &json!(start.customer),
        currency: &figures.currency,
        reason: "subscription_create",
        items: &line_items,
        shipping: &Value::Null,
        subscription: Some(&id),
        data: &subscription["invoice_settings"],
        period: (now, now),
        service: (now, end),
    };
    let invoice = invoices::make(ctx, &draft);
    let intent = collect(ctx, &id, &invoice, (start.session, start.method));
    let subscription = ctx.account().get("subscription", &id).cloned().unwrap_or(subscription);
    (subscription, invoice, intent)
}

fn schedule(ctx: &mut Ctx<'_>, id: &str, end: i64, trial_ends: Option<i64>) {
    ctx.schedule(end, ScheduledTask::Period(id.to_owned()));
    if let Some(trial_ends) = trial_ends {
        // A shorter trial is told of at once.
        ctx.schedule((trial_ends - NOTICE).max(ctx.now), ScheduledTask::TrialNotice(id.to_owned()));
    }
}

/// Collects an invoice's money, if there is any to collect.
fn collect(ctx: &mut Ctx<'_>, id: &str, invoice: &Value, (session, method): (&str, &Value)) -> Option<Value> {
    let subscription = ctx.account().get("subscription", id).cloned().unwrap_or(Value::Null);
    let invoice_id = text(invoice, "id");
    if let Some(kept) = ctx.account().get_mut("subscription", id) {
        kept["latest_invoice"] = invoice_id.into();
    }
    let amount = invoice["amount_due"].as_i64().unwrap_or_default();
    if amount == 0 {
        invoices::pay(ctx, invoice_id, None);
        return None;
    }
    let kind = method["type"].as_str().unwrap_or("card");
    let is_first = invoice["billing_reason"] == "subscription_create";
    let description = if is_first { "Subscription creation" } else { "Subscription update" };
    let data = json!({"description": description, "on_behalf_of": subscription["on_behalf_of"],
        "transfer_data": subscription["transfer_data"], "setup_future_usage": "off_session",
        "application_fee_amount": fee(&subscription, amount)});
    let order = Order {
        amount,
        currency: text(invoice, "currency"),
        data: &data,
        customer: subscription["customer"].as_str(),
        session,
        invoice: Some(invoice_id),
        kind,
    };
    let mut intent = payments::intent(ctx, &order);
    invoices::await_payment(ctx, invoice_id, text(&intent, "id"));
    if DEBITS.iter().any(|(debit, _)| *debit == kind) {
        delayed::start_debit(ctx, &mut intent, method);
    } else {
        payments::succeed(ctx, &mut intent, method);
        invoices::pay(ctx, invoice_id, intent["id"].as_str());
    }
    Some(intent)
}

fn fee(subscription: &Value, amount: i64) -> Option<i64> {
    let percent = crate::check::decimal(&subscription["application_fee_percent"])?;
    crate::pricing::round(
        percent.checked_mul(amount.into())? / rust_decimal::Decimal::ONE_HUNDRED,
        text(subscription, "currency"),
    )
}

fn item(line: &Line, subscription: &str, (from, to): (i64, i64)) -> Value {
    let price = &line.price;
    let recurring = &price["recurring"];
    json!({
        "id": crate::ids::new("si"), "object": "subscription_item", "billing_thresholds": null, "created": from,
        "current_period_end": to, "current_period_start": from, "discounts": [], "metadata": {},
        "plan": {"id": price["id"], "object": "plan", "active": price["active"], "amount": price["unit_amount"],
            "amount_decimal": price["unit_amount_decimal"], "billing_scheme": price["billing_scheme"],
            "created": price["created"], "currency": price["currency"], "interval": recurring["interval"],
            "interval_count": recurring["interval_count"], "livemode": false, "metadata": price["metadata"], "meter": null,
            "nickname": price["nickname"], "product": price["product"], "tiers_mode": price["tiers_mode"],
            "transform_usage": price["transform_quantity"], "trial_period_days": recurring["trial_period_days"],
            "usage_type": "licensed"},
        "price": price, "quantity": line.quantity, "subscription": subscription, "tax_rates": [],
    })
}

/// The discount that a session was paid with, for as long as its coupon says.
pub(crate) fn discount(
    ctx: &mut Ctx<'_>,
    applied: &AppliedDiscount,
    session: &Value,
    subscription: Option<&str>,
) -> Value {
    let coupon = &applied.coupon;
    let months = coupon["duration_in_months"].as_i64().filter(|_| subscription.is_some());
    let end = months.and_then(|months| after(ctx.now, "month", months));
    let discount = json!({
        "id": applied.id, "object": "discount", "checkout_session": session["id"], "customer": session["customer"],
        "customer_account": null, "end": end, "invoice": null, "invoice_item": null, "promotion_code": applied.promotion,
        "source": {"coupon": coupon["id"], "type": "coupon"}, "start": ctx.now, "subscription": subscription,
        "subscription_item": null,
    });
    let discount = ctx.add("discount", discount);
    // The coupon's terms at this time stay, even if it is deleted.
    ctx.add("discount_internal", json!({"id": discount["id"], "coupon": coupon}));
    if subscription.is_some() {
        ctx.emit("customer.discount.created", &discount);
    }
    coupons::redeem(ctx, text(coupon, "id"), applied.promotion.as_deref());
    discount
}

/// The period of a subscription's price. Each of them has one: without, no subscription would have begun.
pub(crate) fn period_of(price: &Value) -> (String, i64) {
    items::period(price).unwrap_or_else(|| ("month".to_owned(), 1))
}

/// So many intervals after a time; a month that is too short ends on its last day. None beyond the calendar's end.
pub(crate) fn after(at: i64, interval: &str, count: i64) -> Option<i64> {
    let from = OffsetDateTime::from_unix_timestamp(at).ok()?;
    let months = match interval {
        "day" => return later(from, count, DAY),
        "week" => return later(from, count, 7 * DAY),
        "month" => count,
        _ => count.checked_mul(12)?,
    };
    let month = i64::from(from.year()) * 12 + i64::from(u8::from(from.month())) - 1;
    let month = month.checked_add(months)?;
    let year = i32::try_from(month.div_euclid(12)).ok()?;
    let month = Month::try_from(u8::try_from(month.rem_euclid(12) + 1).ok()?).ok()?;
    let date = Date::from_calendar_date(year, month, from.day().min(month.length(year))).ok()?;
    Some(from.replace_date(date).unix_timestamp())
}

fn later(from: OffsetDateTime, count: i64, seconds: i64) -> Option<i64> {
    Some(from.checked_add(Duration::seconds(count.checked_mul(seconds)?))?.unix_timestamp())
}

/// The end of a period: the subscription ends, or is renewed.
pub(crate) fn end_period(ctx: &mut Ctx<'_>, id: &str) {
    let Ok(mut subscription) = ctx.object("subscription", id).cloned() else { return };
    if !matches!(text(&subscription, "status"), "active" | "trialing" | "past_due") {
        return;
    }
    let now = ctx.now;
    let ends = subscription["cancel_at"].as_i64().is_some_and(|at| at <= now);
    if ends {
        end(ctx, &mut subscription);
        return;
    }
    if subscription["items"]["data"][0]["current_period_end"].as_i64().is_some_and(|end| end > now) {
        // The clock woke it for an end that was called off.
        return;
    }
    let method = method_of(ctx, &subscription);
    if subscription["status"] == "trialing" && method.is_none() {
        match text(&subscription["trial_settings"]["end_behavior"], "missing_payment_method") {
            "cancel" => return end(ctx, &mut subscription),
            "pause" => {
                subscription["status"] = "paused".into();
                ctx.replace("subscription", &subscription);
                ctx.emit("customer.subscription.paused", &subscription);
                return;
            }
            _ => {}
        }
    }
    renew(ctx, subscription, method.as_ref());
}

/// The payment method that a subscription is paid with: one that was detached from its customer can't be charged.
fn method_of(ctx: &mut Ctx<'_>, subscription: &Value) -> Option<Value> {
    let method = ctx.account().get("payment_method", text(subscription, "default_payment_method"))?;
    (method["customer"] == subscription["customer"]).then(|| method.clone())
}

fn renew(ctx: &mut Ctx<'_>, mut subscription: Value, method: Option<&Value>) {
    let (id, now) = (text(&subscription, "id").to_owned(), ctx.now);
    let mut internal = ctx.account().get("subscription_internal", &id).cloned().unwrap_or(Value::Null);
    let (interval, count) = period_of(&subscription["items"]["data"][0]["price"]);
    let anchor = subscription["billing_cycle_anchor"].as_i64().unwrap_or(now);
    // A trial's end is the anchor itself; from there the periods are counted, so that the day of the month stays.
    let mut cycle = internal["cycle"].as_i64().unwrap_or_default();
    let next = loop {
        cycle += 1;
        match after(anchor, &interval, count.saturating_mul(cycle)) {
            Some(end) if end <= now => {}
            next => break next,
        }
    };
    // A subscription goes on as long as the calendar does.
    let Some(period_end) = next else { return end(ctx, &mut subscription) };
    internal["cycle"] = cycle.into();
    let figures = figures_of(ctx, &subscription, &mut internal);
    let began = subscription["items"]["data"][0]["current_period_start"].as_i64().unwrap_or(now);
    for item in subscription["items"]["data"].as_array_mut().into_iter().flatten() {
        item["current_period_start"] = now.into();
        item["current_period_end"] = period_end.into();
    }
    let needs_method = figures.due() > 0;
    subscription["status"] = if method.is_none() && needs_method { "past_due" } else { "active" }.into();
    ctx.replace("subscription", &subscription);
    ctx.replace("subscription_internal", &internal);
    ctx.schedule(period_end, ScheduledTask::Period(id.clone()));
    let line_items = figures.line_items(&[]);
    let draft = Draft {
        customer: &subscription["customer"],
        currency: text(&subscription, "currency"),
        reason: "subscription_cycle",
        items: &line_items,
        shipping: &Value::Null,
        subscription: Some(&id),
        data: &subscription["invoice_settings"],
        period: (began, now),
        service: (now, period_end),
    };
    let invoice = invoices::make(ctx, &draft);
    if method.is_some() || !needs_method {
        collect(ctx, &id, &invoice, ("", method.unwrap_or(&Value::Null)));
    } else {
        if let Some(kept) = ctx.account().get_mut("subscription", &id) {
            kept["latest_invoice"] = invoice["id"].clone();
        }
        ctx.emit("invoice.payment_failed", &invoice);
    }
    let renewed = ctx.account().get("subscription", &id).cloned().unwrap_or(subscription);
    ctx.emit("customer.subscription.updated", &renewed);
}

/// What comes next of a subscription that goes on: how much, and when.
pub(crate) fn upcoming(ctx: &mut Ctx<'_>, subscription: &Value) -> Option<Recurring> {
    let goes_on = matches!(text(subscription, "status"), "active" | "trialing" | "past_due");
    if !goes_on || subscription["cancel_at"].is_i64() {
        return None;
    }
    let mut internal = ctx.account().get("subscription_internal", text(subscription, "id"))?.clone();
    let item = &subscription["items"]["data"][0];
    let (interval, interval_count) = period_of(&item["price"]);
    let is_trial = subscription["status"] == "trialing";
    Some(Recurring {
        interval,
        interval_count,
        total: figures_of(ctx, subscription, &mut internal).due(),
        trial_ends: subscription["trial_end"].as_i64().filter(|_| is_trial),
        next_payment: item["current_period_end"].as_i64(),
    })
}

/// What a period costs; a discount that is given once is used up by the first that costs something.
fn figures_of(ctx: &mut Ctx<'_>, subscription: &Value, internal: &mut Value) -> Figures {
    let currency = text(subscription, "currency").to_owned();
    let mut lines = Vec::new();
    for item in subscription["items"]["data"].as_array().into_iter().flatten() {
        // The price as it was sold stays, as Stripe's prices can't change their amounts.
        let quantity = item["quantity"].as_i64().unwrap_or(1);
        lines.extend(figures::line(ctx, item["price"].clone(), &currency, quantity, None));
    }
    let mut applied = None;
    if let Some(discount) = subscription["discounts"][0].as_str() {
        let coupon = ctx.account().get("discount_internal", discount).map(|internal| internal["coupon"].clone());
        let end = ctx.account().get("discount", discount).and_then(|discount| discount["end"].as_i64());
        let is_over = end.is_some_and(|end| end <= ctx.now);
        applied =
            coupon.filter(|coupon| !is_over && (coupon["duration"] != "once" || internal["discount_used"] != true));
    }
    let applied = applied.map(|coupon| AppliedDiscount {
        id: subscription["discounts"][0].as_str().unwrap_or_default().to_owned(),
        coupon,
        promotion: None,
        code: None,
    });
    let customer = ctx.account().get("customer", text(subscription, "customer"));
    let exempt = customer.and_then(|customer| customer["tax_exempt"].as_str()).unwrap_or("none");
    let tax = internal["country"].as_str().map(|country| Tax::of(country, exempt));
    let mut figures = Figures { currency, lines, applied, tax, ..Figures::default() };
    figures.discount_and_tax();
    if figures.discount_today() > 0 {
        internal["discount_used"] = true.into();
    }
    figures
}

fn end(ctx: &mut Ctx<'_>, subscription: &mut Value) {
    let now = ctx.now;
    subscription["status"] = "canceled".into();
    subscription["ended_at"] = now.into();
    if subscription["canceled_at"].is_null() {
        subscription["canceled_at"] = now.into();
    }
    ctx.replace("subscription", subscription);
    ctx.emit("customer.subscription.deleted", subscription);
}

/// A trial ends in three days.
pub(crate) fn tell_trial_end(ctx: &mut Ctx<'_>, id: &str) {
    let subscription = ctx.account().get("subscription", id).cloned();
    if let Some(subscription) = subscription.filter(|subscription| subscription["status"] == "trialing") {
        ctx.emit("customer.subscription.trial_will_end", &subscription);
    }
}

/// An invoice of a subscription was paid.
pub(crate) fn paid(ctx: &mut Ctx<'_>, id: &str) {
    let Ok(subscription) = ctx.object_mut("subscription", id) else { return };
    if subscription["status"] == "past_due" {
        subscription["status"] = "active".into();
        let subscription = subscription.clone();
        ctx.emit("customer.subscription.updated", &subscription);
    }
}

/// The money of an invoice did not come.
pub(crate) fn payment_failed(ctx: &mut Ctx<'_>, intent: &str) {
    let invoice = ctx.account().get("intent_internal", intent).map(|internal| text(internal, "invoice").to_owned());
    let Some(invoice) = invoice.and_then(|id| ctx.account().get("invoice", &id).cloned()) else { return };
    ctx.emit("invoice.payment_failed", &invoice);
    let subscription = text(&invoice["parent"]["subscription_details"], "subscription").to_owned();
    let Ok(subscription) = ctx.object_mut("subscription", &subscription) else { return };
    if subscription["status"] == "active" {
        subscription["status"] = "past_due".into();
        let subscription = subscription.clone();
        ctx.emit("customer.subscription.updated", &subscription);
    }
}

/// Ends a subscription at once.
pub(crate) fn cancel(ctx: &mut Ctx<'_>, id: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let mut subscription = ctx.object("subscription", id)?.clone();
    if subscription["status"] == "canceled" {
        // Stripe finds no subscription to cancel, either.
        return Err(ApiError::missing("subscription", id).param("id"));
    }
    details(&mut subscription, params);
    subscription["cancel_at_period_end"] = false.into();
    end(ctx, &mut subscription);
    Ok(subscription)
}

/// Ends what a customer has at once: the customer is deleted.
pub(crate) fn cancel_all(ctx: &mut Ctx<'_>, customer: &str) {
    let is_live = |subscription: &&Value| subscription["customer"] == customer && subscription["status"] != "canceled";
    let live: Vec<Value> = ctx.account().all("subscription").filter(is_live).cloned().collect();
    for mut subscription in live {
        end(ctx, &mut subscription);
    }
}

/// Of a subscription that has ended, why it did, and its metadata.
fn update_ended(ctx: &mut Ctx<'_>, mut ended: Value, params: &Map<String, Value>) -> Result<Value, ApiError> {
    if let Some(name) = params.keys().find(|name| !matches!(name.as_str(), "cancellation_details" | "metadata")) {
        let message = "A canceled subscription can only update its cancellation_details and metadata.";
        return Err(ApiError::invalid(message).param(name.as_str()));
    }
    explain(&mut ended, params);
    merge_metadata(&mut ended, params.get("metadata"))?;
    ctx.replace("subscription", &ended);
    ctx.emit("customer.subscription.updated", &ended);
    Ok(ended)
}

fn explain(subscription: &mut Value, params: &Map<String, Value>) {
    if let Some(given) = params.get("cancellation_details").and_then(Value::as_object) {
        copy(&mut subscription["cancellation_details"], given, &["comment", "feedback"]);
    }
}

fn details(subscription: &mut Value, params: &Map<String, Value>) {
    explain(subscription, params);
    subscription["cancellation_details"]["reason"] = "cancellation_requested".into();
}

pub(crate) fn update(ctx: &mut Ctx<'_>, id: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let mut subscription = ctx.object("subscription", id)?.clone();
    if subscription["status"] == "canceled" {
        return update_ended(ctx, subscription, params);
    }
    if params.contains_key("cancel_at") && params.contains_key("cancel_at_period_end") {
        let message = "You may only specify one of these parameters: cancel_at, cancel_at_period_end.";
        return Err(ApiError::invalid(message).param("cancel_at"));
    }
    if let Some(id) = params.get("default_payment_method").and_then(Value::as_str) {
        let method = ctx.object("payment_method", id).map_err(|error| error.of_param("default_payment_method"))?;
        if method["customer"] != subscription["customer"] {
            let message = format!(
                "The customer does not have a payment method with the ID {id}. The payment method must be attached to the customer."
            );
            return Err(refused(message, "default_payment_method").code("resource_missing"));
        }
    }
    let now = ctx.now;
    if let Some(ends) = params.get("cancel_at_period_end").and_then(Value::as_bool) {
        let end = subscription["items"]["data"][0]["current_period_end"].clone();
        subscription["cancel_at_period_end"] = ends.into();
        subscription["cancel_at"] = if ends { end } else { Value::Null };
        subscription["canceled_at"] = if ends { now.into() } else { Value::Null };
    }
    if let Some(at) = params.get("cancel_at") {
        if at.as_i64().is_some_and(|at| at <= now) {
            return Err(ApiError::invalid("The timestamp must be in the future.").param("cancel_at"));
        }
        subscription["cancel_at"] = at.clone();
        subscription["cancel_at_period_end"] = false.into();
        subscription["canceled_at"] = at.as_i64().map(|_| now).into();
        if let Some(at) = at.as_i64() {
            ctx.schedule(at, ScheduledTask::Period(id.to_owned()));
        }
    }
    if subscription["canceled_at"].is_i64() {
        details(&mut subscription, params);
    } else {
        subscription["cancellation_details"] = json!({"comment": null, "feedback": null, "reason": null});
    }
    copy(&mut subscription, params, &["default_payment_method", "description"]);
    merge_metadata(&mut subscription, params.get("metadata"))?;
    ctx.replace("subscription", &subscription);
    ctx.emit("customer.subscription.updated", &subscription);
    Ok(subscription)
}

pub(crate) fn list(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let wanted = params.get("status").and_then(Value::as_str);
    ctx.list("subscription", "/v1/subscriptions", params, |subscription| {
        let state = text(subscription, "status");
        let fits = match wanted {
            None => state != "canceled",
            Some("all") => true,
            Some("ended") => matches!(state, "canceled" | "incomplete_expired"),
            Some(wanted) => state == wanted,
        };
        fits && ["customer", "collection_method"]
            .iter()
            .all(|name| params.get(*name).is_none_or(|wanted| &subscription[*name] == wanted))
            && params.get("price").is_none_or(|price| {
                subscription["items"]["data"].as_array().into_iter().flatten().any(|item| &item["price"]["id"] == price)
            })
    })
}

#[cfg(test)]
mod tests {
    use super::after;

    /// 2027-01-31, 00:00.
    const JANUARY: i64 = 1_801_353_600;

    #[test]
    fn months_end_on_their_last_day_and_the_anchors_day_comes_back() {
        let after = |interval: &str, count: i64| after(JANUARY, interval, count).unwrap();
        let days = |count: i64| (after("month", count) - JANUARY) / super::DAY;
        assert_eq!((days(1), days(2), days(3)), (28, 59, 89));
        assert_eq!((after("year", 1) - JANUARY) / super::DAY, 365);
        assert_eq!(after("week", 2) - JANUARY, 14 * super::DAY);
    }

    #[test]
    fn nothing_comes_after_the_calendars_end() {
        for interval in ["day", "week", "month", "year"] {
            assert!(after(crate::clock::NOW_MAX, interval, 3).is_some());
            for count in [3_000_000, i64::MAX] {
                assert_eq!(after(crate::clock::NOW_MAX, interval, count), None, "{count} {interval}");
            }
        }
    }
}
