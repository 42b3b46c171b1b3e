"""Checkout sessions."""

import time
from typing import Any

import stripe

from bench import Bench, check, equal, ids, item, monthly, refused


@check("a session is created and read")
def _(bench: Bench) -> None:
    session = bench.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [item(2_500, 2)],
            "customer": bench.get("customer").id,
            "success_url": "https://shop.example/thanks?session={CHECKOUT_SESSION_ID}",
            "client_reference_id": "cart-7",
            "metadata": {"order": "1003"},
        }
    )
    bench.made["session"] = session
    told = (session.object, session.status, session.payment_status, session.amount_total, session.client_reference_id)
    equal(told, ("checkout.session", "open", "unpaid", 5_000, "cart-7"), "the session")
    equal(bench.v1.checkout.sessions.retrieve(session.id).to_dict(), session.to_dict(), "the session read")
    lines = bench.v1.checkout.sessions.line_items.list(session.id).data
    equal([(line.quantity, line.amount_total) for line in lines], [(2, 5_000)], "the line items")


@check("a session that would live too long or too short is refused")
def _(bench: Bench) -> None:
    for seconds in (60, 48 * 3_600):
        params = {"mode": "payment", "line_items": [item()], "expires_at": int(time.time()) + seconds}
        with refused(stripe.InvalidRequestError, 400, param="expires_at"):
            bench.v1.checkout.sessions.create({**params, "success_url": "https://shop.example/thanks"})


@check("a session is expired, and takes no payment")
def _(bench: Bench) -> None:
    session = bench.get("session")
    expired = bench.v1.checkout.sessions.expire(session.id)
    equal((expired.status, expired.url), ("expired", None), "the session")
    equal(bench.pay(session.url)[0], 410, "paying at an expired session")
    listed = bench.v1.checkout.sessions.list({"status": "expired"}).data
    equal([one.id for one in listed], [session.id], "expired sessions listed")


@check("a session that is expired can't be expired again")
def _(bench: Bench) -> None:
    with refused(stripe.InvalidRequestError, 400, says="has a status of expired"):
        bench.v1.checkout.sessions.expire(bench.get("session").id)


THANKS = "https://shop.example/thanks?session={CHECKOUT_SESSION_ID}"


@check("a session for one payment is paid, and its customer and method are kept")
def _(bench: Bench) -> None:
    customer = bench.get("customer").id
    data: Any = {"setup_future_usage": "off_session", "description": "Order 7", "metadata": {"order": "7"}}
    session = bench.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [item(6_000)],
            "customer": customer,
            "success_url": THANKS,
            "payment_intent_data": data,
            "invoice_creation": {"enabled": True, "invoice_data": {"footer": "Thank you"}},
        }
    )
    paid = bench.session_paid(session.url, expand=["payment_intent", "invoice", "customer"])
    intent, invoice = paid.payment_intent, paid.invoice
    told = (paid.id, paid.payment_status, paid.customer.id, intent.description, intent.metadata.to_dict())
    equal(told, (session.id, "paid", customer, "Order 7", {"order": "7"}), "the session")
    told = (invoice.status, invoice.total, invoice.amount_paid, invoice.footer, invoice.billing_reason)
    equal(told, ("paid", 6_000, 6_000, "Thank you", "manual"), "the invoice")
    methods = bench.v1.customers.payment_methods.list(customer, {"type": "card"}).data
    equal(ids(methods), [intent.payment_method], "the methods kept")
    equal(bench.v1.payment_methods.retrieve(intent.payment_method).customer, customer, "the method's customer")
    equal(ids(bench.v1.payment_intents.list({"customer": customer}).data), [intent.id], "the customer's intents")
    equal(ids(bench.v1.charges.list({"payment_intent": intent.id}).data), [intent.latest_charge], "the charges")
    found = bench.v1.checkout.sessions.list({"customer": customer, "status": "complete"}).data
    equal(ids(found), [session.id], "the customer's sessions")
    bench.told("payment_method.attached", intent.payment_method)
    equal(bench.told("invoice.paid", invoice.id).amount_remaining, 0, "the snapshot of the invoice")


@check("a session without payment sets a method up, which is then detached")
def _(bench: Bench) -> None:
    customer = bench.v1.customers.create({"email": "vault@shop.example"}).id
    sessions = bench.v1.checkout.sessions
    data: Any = {"description": "For later", "metadata": {"why": "vault"}}
    params: Any = {"mode": "setup", "currency": "sek", "customer": customer, "success_url": THANKS}
    session = sessions.create({**params, "setup_intent_data": data})
    told = (session.mode, session.amount_total, session.payment_status)
    equal(told, ("setup", None, "no_payment_required"), "the session")
    paid = bench.session_paid(session.url, expand=["setup_intent.payment_method"])
    intent = paid.setup_intent
    told = (paid.status, intent.status, intent.usage, intent.customer, intent.description, intent.metadata.to_dict())
    equal(told, ("complete", "succeeded", "off_session", customer, "For later", {"why": "vault"}), "the setup intent")
    method = intent.payment_method
    equal((method.card.last4, method.card.brand, method.customer), ("4242", "visa", customer), "the method")
    read = bench.v1.setup_intents.retrieve(intent.id)
    equal((read.status, read.payment_method), ("succeeded", method.id), "the setup intent read")
    equal(ids(bench.v1.setup_intents.list({"customer": customer}).data), [intent.id], "setup intents listed")
    equal(bench.told("setup_intent.succeeded", intent.id).payment_method, method.id, "the snapshot")
    methods = bench.v1.customers.payment_methods
    equal(ids(methods.list(customer).data), [method.id], "the methods kept")
    equal(bench.v1.payment_methods.detach(method.id).customer, None, "the method detached")
    equal(methods.list(customer).data, [], "the methods kept after")
    equal(bench.told("payment_method.detached", method.id).customer, None, "the snapshot of the method")
    with refused(stripe.InvalidRequestError, 400, says="not attached to a customer"):
        bench.v1.payment_methods.detach(method.id)


@check("a session for a subscription is paid")
def _(bench: Bench) -> None:
    session = bench.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [monthly(), item(1_000, name="Setting up")],
            "success_url": THANKS,
            "subscription_data": {"metadata": {"plan": "beans"}},
        }
    )
    equal((session.mode, session.amount_total), ("subscription", 10_900), "the session")
    paid = bench.session_paid(session.url, expand=["subscription", "invoice", "customer"])
    subscription, invoice = paid.subscription, paid.invoice
    told = (subscription.status, subscription.metadata.to_dict(), subscription.customer)
    equal(told, ("active", {"plan": "beans"}, paid.customer.id), "the subscription")
    told = (invoice.status, invoice.total, invoice.billing_reason, len(invoice.lines.data))
    equal(told, ("paid", 10_900, "subscription_create", 2), "the invoice")
    equal(ids(bench.v1.checkout.sessions.list({"subscription": subscription.id}).data), [session.id], "by subscription")


@check("modes and their prices are held together")
def _(bench: Bench) -> None:
    create = bench.v1.checkout.sessions.create
    for params, param in (
        ({"mode": "payment", "line_items": [monthly()]}, "mode"),
        ({"mode": "subscription", "line_items": [item()]}, "mode"),
        ({"mode": "setup", "line_items": [item()]}, "line_items"),
        ({"mode": "payment"}, "line_items"),
        ({"mode": "payment", "line_items": [item()], "setup_intent_data": {"description": "x"}}, "setup_intent_data"),
        ({"mode": "payment", "line_items": [item()], "customer": "cus_none"}, "customer"),
    ):
        with refused(stripe.InvalidRequestError, 400, param=param):
            create({**params, "success_url": THANKS})
