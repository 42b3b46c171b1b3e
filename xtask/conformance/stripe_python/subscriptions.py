"""Subscriptions and their invoices: made by paying, renewed by the double's clock, and ended."""

from typing import Any

import stripe

from bench import DAY, Bench, check, equal, expect, ids, invalid, missing, monthly, refused


def subscribed(bench: Bench, link: dict[str, Any] | None = None, amount: int = 9_900, **entered: Any) -> Any:
    """The subscription of a recurring link that was just paid."""
    made = bench.v1.payment_links.create({"line_items": [monthly(amount)], **(link or {})})
    session = bench.session_paid(made.url, **entered)
    equal((session.mode, session.status), ("subscription", "complete"), "the session")
    return bench.v1.subscriptions.retrieve(session.subscription, {"expand": ["latest_invoice", "customer"]})


def period_end(subscription: Any) -> int:
    return subscription.to_dict()["items"]["data"][0]["current_period_end"]


@check("a recurring link makes a subscription with its first invoice paid")
def _(bench: Bench) -> None:
    data: Any = {"description": "Beans each month", "metadata": {"plan": "beans"}}
    subscription = subscribed(bench, {"subscription_data": data, "metadata": {"shop": "1"}})
    bench.made["subscription"] = subscription
    told = (subscription.object, subscription.status, subscription.description, subscription.metadata.to_dict())
    equal(told, ("subscription", "active", "Beans each month", {"plan": "beans"}), "the subscription")
    told = (subscription.currency, subscription.cancel_at_period_end, subscription.collection_method)
    equal(told, ("sek", False, "charge_automatically"), "the subscription")
    (line,) = subscription.to_dict()["items"]["data"]
    told = (line["price"]["unit_amount"], line["price"]["recurring"]["interval"], line["quantity"])
    equal(told, (9_900, "month", 1), "its item")
    days = (line["current_period_end"] - line["current_period_start"]) / DAY
    expect(28 <= days <= 31, f"its period has {days} days")
    invoice = subscription.latest_invoice
    told = (invoice.status, invoice.billing_reason, invoice.total, invoice.amount_paid, invoice.customer)
    equal(told, ("paid", "subscription_create", 9_900, 9_900, subscription.customer.id), "the invoice")
    parent = invoice.parent.subscription_details
    equal((parent.subscription, parent.metadata.to_dict()), (subscription.id, {"plan": "beans"}), "its parent")
    equal(bench.told("customer.subscription.created", subscription.id).status, "active", "the snapshot")
    equal(bench.told("invoice.paid", invoice.id).amount_paid, 9_900, "the snapshot of the invoice")


@check("the method of a subscription is kept for its customer")
def _(bench: Bench) -> None:
    subscription = bench.get("subscription")
    methods = bench.v1.customers.payment_methods.list(subscription.customer.id).data
    equal(ids(methods), [subscription.default_payment_method], "the methods")


@check("an invoice of a subscription is read, with its lines, and listed")
def _(bench: Bench) -> None:
    subscription, invoices = bench.get("subscription"), bench.v1.invoices
    invoice = invoices.retrieve(subscription.latest_invoice.id)
    told = (invoice.object, invoice.number != "", invoice.subtotal, invoice.amount_remaining, invoice.currency)
    equal(told, ("invoice", True, 9_900, 0, "sek"), "the invoice")
    expect(invoice.hosted_invoice_url.startswith("http"), f"its page: {invoice.hosted_invoice_url!r}")
    (line,) = invoices.line_items.list(invoice.id).data
    told = (line.object, line.amount, line.quantity, line.invoice)
    equal(told, ("line_item", 9_900, 1, invoice.id), "its line")
    for filter in ({"subscription": subscription.id}, {"customer": subscription.customer.id, "status": "paid"}):
        equal(ids(invoices.list(filter).data), [invoice.id], f"by {', '.join(filter)}")
    equal(invoices.list({"subscription": subscription.id, "status": "open"}).data, [], "open ones")
    with missing():
        invoices.retrieve("in_none")


@check("subscriptions are listed by customer, price and state")
def _(bench: Bench) -> None:
    subscription, subscriptions = bench.get("subscription"), bench.v1.subscriptions
    price = subscription.to_dict()["items"]["data"][0]["price"]["id"]
    for filter in ({"customer": subscription.customer.id}, {"price": price}, {"price": price, "status": "active"}):
        equal(ids(subscriptions.list(filter).data), [subscription.id], f"by {', '.join(filter)}")
    equal(subscriptions.list({"price": price, "status": "canceled"}).data, [], "ended ones")


@check("a subscription is updated")
def _(bench: Bench) -> None:
    subscription, update = bench.get("subscription"), bench.v1.subscriptions.update
    changed = update(subscription.id, {"metadata": {"plan": "", "tier": "2"}, "description": ""})
    equal((changed.metadata.to_dict(), changed.description), ({"tier": "2"}, None), "the subscription")
    bench.told("customer.subscription.updated", subscription.id, metadata={"tier": "2"})
    with missing("default_payment_method"):
        update(subscription.id, {"default_payment_method": "pm_none"})
    with invalid("cancel_at"):
        update(subscription.id, {"cancel_at": bench.now() - 1})


@check("a subscription is renewed at the end of its period, with an invoice that is paid")
def _(bench: Bench) -> None:
    subscription = bench.get("subscription")
    end = period_end(subscription)
    # Some days beyond: what the days before brought is told all the same.
    bench.advance(end - bench.now() + 6 * DAY)
    renewed = bench.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    (line,) = renewed.to_dict()["items"]["data"]
    equal((renewed.status, line["current_period_start"]), ("active", end), "the subscription")
    expect(period_end(renewed) > bench.now(), "its period is over")
    invoice = renewed.latest_invoice
    told = (invoice.status, invoice.billing_reason, invoice.total, invoice.created)
    equal(told, ("paid", "subscription_cycle", 9_900, end), "the invoice")
    (billed,) = invoice.lines.data
    equal((billed.period.start, billed.period.end), (end, period_end(renewed)), "what it is for")
    equal(len(bench.v1.invoices.list({"subscription": subscription.id}).data), 2, "invoices")
    bench.told("invoice.paid", invoice.id)
    bench.told("customer.subscription.updated", subscription.id, latest_invoice=invoice.id)


@check("a subscription ends with its period when told to, unless that is taken back")
def _(bench: Bench) -> None:
    subscription, update = bench.get("subscription"), bench.v1.subscriptions.update
    end = bench.v1.subscriptions.retrieve(subscription.id)
    details: Any = {"comment": "Too much coffee", "feedback": "unused"}
    ending = update(subscription.id, {"cancel_at_period_end": True, "cancellation_details": details})
    told = (ending.status, ending.cancel_at_period_end, ending.cancel_at, ending.ended_at)
    equal(told, ("active", True, period_end(end), None), "the subscription")
    told = (ending.cancellation_details.feedback, ending.cancellation_details.reason)
    equal(told, ("unused", "cancellation_requested"), "why")
    kept = update(subscription.id, {"cancel_at_period_end": False})
    told = (kept.cancel_at_period_end, kept.cancel_at, kept.canceled_at)
    equal(told, (False, None, None), "the subscription kept")
    update(subscription.id, {"cancel_at_period_end": True})
    bench.advance(period_end(end) - bench.now() + 60)
    ended = bench.v1.subscriptions.retrieve(subscription.id)
    equal((ended.status, ended.ended_at), ("canceled", period_end(end)), "the subscription ended")
    equal(len(bench.v1.invoices.list({"subscription": subscription.id}).data), 2, "no further invoice")
    equal(bench.told("customer.subscription.deleted", subscription.id).status, "canceled", "the snapshot")


@check("a subscription is cancelled at once")
def _(bench: Bench) -> None:
    subscription, subscriptions = subscribed(bench), bench.v1.subscriptions
    gone = subscriptions.cancel(subscription.id, {"cancellation_details": {"feedback": "too_expensive"}})
    told = (gone.status, gone.cancellation_details.feedback, gone.ended_at is not None)
    equal(told, ("canceled", "too_expensive", True), "the subscription")
    equal(subscriptions.retrieve(subscription.id).status, "canceled", "the subscription read")
    found = subscriptions.list({"customer": subscription.customer.id})
    equal(found.data, [], "subscriptions listed")
    all_of: Any = {"customer": subscription.customer.id, "status": "all"}
    equal(ids(subscriptions.list(all_of).data), [subscription.id], "all of them")
    with missing():
        subscriptions.cancel(subscription.id)
    bench.told("customer.subscription.deleted", subscription.id)


@check("of a cancelled subscription only metadata and the reason can be changed")
def _(bench: Bench) -> None:
    (gone,) = bench.v1.subscriptions.list({"status": "canceled", "limit": 1}).data
    changed = bench.v1.subscriptions.update(
        gone.id, {"metadata": {"left": "1"}, "cancellation_details": {"comment": "Moved"}}
    )
    told = (changed.status, changed.metadata.to_dict(), changed.cancellation_details.comment)
    equal(told, ("canceled", {"left": "1"}, "Moved"), "the subscription")
    with refused(stripe.InvalidRequestError, 400, param="cancel_at_period_end"):
        bench.v1.subscriptions.update(gone.id, {"cancel_at_period_end": True})


@check("a trial costs nothing until it ends")
def _(bench: Bench) -> None:
    subscription = subscribed(bench, {"subscription_data": {"trial_period_days": 7}})
    told = (subscription.status, subscription.trial_end - subscription.trial_start, subscription.latest_invoice.total)
    equal(told, ("trialing", 7 * DAY, 0), "the subscription")
    equal(period_end(subscription), subscription.trial_end, "its period")
    bench.advance(4 * DAY + 60)
    bench.told("customer.subscription.trial_will_end", subscription.id)
    bench.advance(3 * DAY)
    paying = bench.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    told = (paying.status, paying.latest_invoice.total, paying.latest_invoice.status)
    equal(told, ("active", 9_900, "paid"), "the subscription after")


@check("a trial without a payment method ends as it was told to")
def _(bench: Bench) -> None:
    settings: Any = {"end_behavior": {"missing_payment_method": "cancel"}}
    data: Any = {"trial_period_days": 7, "trial_settings": settings}
    subscription = subscribed(bench, {"subscription_data": data, "payment_method_collection": "if_required"})
    equal((subscription.status, subscription.default_payment_method), ("trialing", None), "the subscription")
    bench.advance(7 * DAY + 60)
    equal(bench.v1.subscriptions.retrieve(subscription.id).status, "canceled", "the subscription after")


@check("a coupon takes off for the months that it says")
def _(bench: Bench) -> None:
    coupon = bench.v1.coupons.create({"percent_off": 50, "duration": "repeating", "duration_in_months": 2})
    code = bench.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}})
    subscription = subscribed(bench, {"allow_promotion_codes": True}, promotion_code=code.code)
    invoice = subscription.latest_invoice
    told = (invoice.subtotal, invoice.total, invoice.total_discount_amounts[0].amount)
    equal(told, (9_900, 4_950, 4_950), "the first invoice")
    equal(len(subscription.discounts), 1, "discounts")
    (discount,) = bench.v1.subscriptions.retrieve(subscription.id, {"expand": ["discounts"]}).discounts
    told = (discount.object, discount.source.coupon, discount.promotion_code, discount.subscription)
    equal(told, ("discount", coupon.id, code.id, subscription.id), "the discount")
    totals = []
    for _ in range(2):
        current = bench.v1.subscriptions.retrieve(subscription.id)
        bench.advance(period_end(current) - bench.now() + 60)
        renewed = bench.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
        totals.append(renewed.latest_invoice.total)
    equal(totals, [4_950, 9_900], "the invoices after")


@check("a debit that fails leaves the subscription past due")
def _(bench: Bench) -> None:
    link: Any = {
        "line_items": [monthly(currency="eur")],
        "payment_method_types": ["sepa_debit"],
    }
    subscription = subscribed(bench, link, account="AT611904300234570000")
    equal(subscription.latest_invoice.status, "open", "the invoice")
    bench.advance(14 * DAY)
    after = bench.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    equal((after.status, after.latest_invoice.status), ("past_due", "open"), "the subscription")
    bench.told("invoice.payment_failed", after.latest_invoice.id)


@check("a customer's subscriptions end when the customer is deleted")
def _(bench: Bench) -> None:
    subscription = subscribed(bench)
    bench.v1.customers.delete(subscription.customer.id)
    equal(bench.v1.subscriptions.retrieve(subscription.id).status, "canceled", "the subscription")
    bench.told("customer.subscription.deleted", subscription.id)
