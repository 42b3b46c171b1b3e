//! Invoices: of subscriptions, and of single payments that ask for one when they are paid.

use serde_json::{Map, Value, json};

use crate::api::{items, subscriptions};
use crate::error::ApiError;
use crate::state::{Ctx, LineItem, limit, text};

/// What an invoice is made of.
pub(crate) struct Draft<'a> {
    pub(crate) customer: &'a Value,
    pub(crate) currency: &'a str,
    /// Stripe's `billing_reason`.
    pub(crate) reason: &'a str,
    pub(crate) items: &'a [LineItem],
    /// In the shape of a session's `shipping_cost`.
    pub(crate) shipping: &'a Value,
    pub(crate) subscription: Option<&'a str>,
    /// In the shape of `invoice_creation[invoice_data]`.
    pub(crate) data: &'a Value,
    /// From when to when invoice items were gathered: before it, for what is paid ahead. Seconds since the Unix epoch.
    pub(crate) period: (i64, i64),
    /// What recurring lines pay for, likewise.
    pub(crate) service: (i64, i64),
}

/// Makes an invoice that is open.
pub(crate) fn make(ctx: &mut Ctx<'_>, draft: &Draft<'_>) -> Value {
    let id = crate::ids::new("in");
    let customer = draft.customer.as_str().and_then(|id| ctx.account().get("customer", id)).cloned();
    let customer = customer.unwrap_or(Value::Null);
    let sum = |of: fn(&LineItem) -> i64| draft.items.iter().map(of).sum::<i64>();
    let shipping = |name: &str| draft.shipping[name].as_i64().unwrap_or_default();
    let (subtotal, discount) = (sum(|item| item.amount), sum(|item| item.discount));
    let tax = sum(|item| item.tax) + shipping("amount_tax");
    let total = sum(|item| item.total) + shipping("amount_total");
    // What of the tax was in the prices already.
    let within = tax - (total - (subtotal - discount + shipping("amount_subtotal")));
    let count = ctx.account().all("invoice").count() + 1;
    let lines: Vec<Value> = draft.items.iter().map(|item| line(ctx, item, &id, draft)).collect();
    let token = format!("invst_{}", crate::ids::random(24));
    let parent = draft.subscription.map_or(Value::Null, |subscription| {
        let metadata = ctx.account().get("subscription", subscription).map(|kept| kept["metadata"].clone());
        json!({"quote_details": null, "subscription_details": {"metadata": metadata, "subscription": subscription},
            "type": "subscription_details"})
    });
    let discounts: Value = if discount > 0 {
        json!([{"amount": discount, "discount": lines.iter().find_map(|line| line["discount_amounts"][0]["discount"].as_str())}])
    } else {
        json!([])
    };
    let taxes: Vec<Value> =
        lines.iter().flat_map(|line| line["taxes"].as_array().cloned().unwrap_or_default()).collect();
    let invoice = json!({
        "id": id, "object": "invoice", "account_country": "SE", "account_name": "Sandbox merchant",
        "account_tax_ids": draft.data["account_tax_ids"], "amount_due": total, "amount_overpaid": 0, "amount_paid": 0,
        "amount_remaining": total, "amount_shipping": shipping("amount_subtotal"), "application": null, "attempt_count": 0,
        "attempted": false, "auto_advance": false,
        "automatic_tax": {"disabled_reason": null, "enabled": !taxes.is_empty(), "liability": null, "provider": null,
            "status": if taxes.is_empty() { Value::Null } else { "complete".into() }},
        "automatically_finalizes_at": null, "billing_reason": draft.reason, "collection_method": "charge_automatically",
        "created": ctx.now, "currency": draft.currency, "custom_fields": draft.data["custom_fields"],
        "customer": draft.customer, "customer_account": null, "customer_address": customer["address"],
        "customer_email": customer["email"], "customer_name": customer["name"], "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"], "customer_tax_exempt": customer["tax_exempt"], "customer_tax_ids": [],
        "default_payment_method": null, "default_source": null, "default_tax_rates": [],
        "description": draft.data["description"], "discounts": [], "due_date": null, "effective_at": ctx.now,
        "ending_balance": 0, "footer": draft.data["footer"], "from_invoice": null,
        "hosted_invoice_url": format!("{}/i/{token}", ctx.public_url), "invoice_pdf": null,
        "issuer": {"type": "self"}, "last_finalization_error": null, "latest_revision": null,
        "lines": {"object": "list", "data": lines, "has_more": false, "url": format!("/v1/invoices/{id}/lines")},
        "livemode": false, "metadata": draft.data["metadata"].as_object().cloned().unwrap_or_default(),
        "next_payment_attempt": null, "number": format!("SANDBOX-{count:04}"), "on_behalf_of": null, "parent": parent,
        "payment_settings": {"default_mandate": null, "payment_method_options": null, "payment_method_types": null},
        "payments": {"object": "list", "data": [], "has_more": false, "url": "/v1/invoice_payments"},
        "period_end": draft.period.1, "period_start": draft.period.0, "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0, "receipt_number": null, "rendering": draft.data["rendering_options"],
        "shipping_cost": draft.shipping, "shipping_details": null, "starting_balance": 0, "statement_descriptor": null,
        "status": "open", "subscription": null,
        "status_transitions": {"finalized_at": ctx.now, "marked_uncollectible_at": null, "paid_at": null, "voided_at": null},
        "subtotal": subtotal, "subtotal_excluding_tax": subtotal - within,
        "test_clock": null, "total": total, "total_discount_amounts": discounts, "total_excluding_tax": total - tax,
        "total_pretax_credit_amounts": [], "total_taxes": taxes, "webhooks_delivered_at": ctx.now,
    });
    let invoice = ctx.add("invoice", invoice);
    ctx.publish(&token, &id);
    ctx.emit("invoice.created", &invoice);
    ctx.emit("invoice.finalized", &invoice);
    invoice
}

fn line(ctx: &mut Ctx<'_>, item: &LineItem, invoice: &str, draft: &Draft<'_>) -> Value {
    let price = ctx.account().get("price", &item.price).cloned().unwrap_or(Value::Null);
    let subscription = draft.subscription.filter(|_| price["recurring"].is_object());
    let parent = subscription.map_or(Value::Null, |subscription| {
        json!({"invoice_item_details": null, "subscription_item_details": {"invoice_item": null, "proration": false,
            "proration_details": {"credited_items": null}, "subscription": subscription, "subscription_item": null},
            "type": "subscription_item_details"})
    });
    let (from, to) = if subscription.is_some() { draft.service } else { (ctx.now, ctx.now) };
    let discounts: Value = if item.discount > 0 {
        json!([{"amount": item.discount, "discount": item.discounts[0]["discount"]["id"]}])
    } else {
        json!([])
    };
    json!({
        "id": crate::ids::new("il"), "object": "line_item", "amount": item.amount, "currency": item.currency,
        "description": format!("{} × {}", item.quantity, item.description), "discount_amounts": discounts,
        "discountable": true, "discounts": [], "invoice": invoice, "livemode": false, "metadata": {}, "parent": parent,
        "period": {"end": to, "start": from}, "pretax_credit_amounts": [],
        "pricing": {"price_details": {"price": item.price, "product": price["product"]}, "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"]},
        "quantity": item.quantity, "quantity_decimal": item.quantity.to_string(), "subscription": subscription, "subtotal": item.amount, "taxes": item.taxes,
    })
}

/// An intent is to pay an open invoice.
pub(crate) fn await_payment(ctx: &mut Ctx<'_>, id: &str, intent: &str) {
    let now = ctx.now;
    let Ok(invoice) = ctx.object_mut("invoice", id) else { return };
    let payment = json!({"id": crate::ids::new("inpay"), "object": "invoice_payment", "amount_paid": null,
        "amount_requested": invoice["amount_due"], "created": now, "currency": invoice["currency"], "invoice": id,
        "is_default": true, "livemode": false, "payment": {"payment_intent": intent, "type": "payment_intent"},
        "status": "open", "status_transitions": {"canceled_at": null, "paid_at": null}});
    if let Some(payments) = invoice["payments"]["data"].as_array_mut() {
        payments.push(payment);
    }
}

/// An open invoice is paid, by the intent that was to or because nothing is due.
pub(crate) fn pay(ctx: &mut Ctx<'_>, id: &str, intent: Option<&str>) {
    let Ok(mut invoice) = ctx.object("invoice", id).cloned() else { return };
    if invoice["status"] != "open" {
        return;
    }
    let now = ctx.now;
    invoice["status"] = "paid".into();
    invoice["attempted"] = true.into();
    invoice["attempt_count"] = i64::from(intent.is_some()).into();
    invoice["amount_paid"] = invoice["amount_due"].clone();
    invoice["amount_remaining"] = 0.into();
    invoice["status_transitions"]["paid_at"] = now.into();
    let paid = invoice["amount_paid"].clone();
    let payments = invoice["payments"]["data"].as_array_mut().into_iter().flatten();
    for payment in payments.filter(|payment| payment["payment"]["payment_intent"].as_str() == intent) {
        payment["status"] = "paid".into();
        payment["amount_paid"] = paid.clone();
        payment["status_transitions"]["paid_at"] = now.into();
    }
    ctx.replace("invoice", &invoice);
    ctx.emit("invoice.paid", &invoice);
    ctx.emit("invoice.payment_succeeded", &invoice);
    if let Some(subscription) = invoice["parent"]["subscription_details"]["subscription"].as_str() {
        subscriptions::paid(ctx, subscription);
    }
}

/// The invoice of a single payment, once it is paid, where the session asks for one.
pub(crate) fn after_payment(ctx: &mut Ctx<'_>, session: &Value) {
    if session["invoice_creation"]["enabled"] != true || session["invoice"].is_string() {
        return;
    }
    let id = text(session, "id").to_owned();
    let items = ctx.account().line_items(&id).to_vec();
    let draft = Draft {
        customer: &session["customer"],
        currency: text(session, "currency"),
        reason: "manual",
        items: &items,
        shipping: &session["shipping_cost"],
        subscription: None,
        data: &session["invoice_creation"]["invoice_data"],
        period: (ctx.now, ctx.now),
        service: (ctx.now, ctx.now),
    };
    let invoice = make(ctx, &draft);
    if let Some(kept) = ctx.account().get_mut("checkout.session", &id) {
        kept["invoice"] = invoice["id"].clone();
    }
    let intent = session["payment_intent"].as_str();
    if let Some(intent) = intent {
        await_payment(ctx, text(&invoice, "id"), intent);
    }
    pay(ctx, text(&invoice, "id"), intent);
}

pub(crate) fn list(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    ctx.list("invoice", "/v1/invoices", params, |invoice| {
        ["customer", "status", "collection_method"]
            .iter()
            .all(|name| params.get(*name).is_none_or(|wanted| &invoice[*name] == wanted))
            && params
                .get("subscription")
                .is_none_or(|wanted| &invoice["parent"]["subscription_details"]["subscription"] == wanted)
    })
}

/// A page of an invoice's lines, in their own order.
pub(crate) fn lines(ctx: &mut Ctx<'_>, id: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let limit = limit(params)?;
    let lines = ctx.object("invoice", id)?["lines"]["data"].as_array().cloned().unwrap_or_default();
    let page = items::page(&lines, params, limit)?;
    Ok(json!({"object": "list", "url": format!("/v1/invoices/{id}/lines"), "has_more": page.1, "data": page.0}))
}
