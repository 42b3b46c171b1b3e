"""Paying, refunding, and what is told of it."""

from typing import Any

import stripe

from bench import Bench, Mismatch, check, equal, expect, ids, invalid, item, missing, refused


@check("a link is paid, and its session read with the payment expanded")
def _(bench: Bench) -> None:
    link = bench.v1.payment_links.create({"line_items": [item(4_000, 2)], "metadata": {"order": "1004"}})
    session = bench.paid_session(link.url)
    bench.made["paid"] = session
    told = (session.status, session.payment_status, session.amount_total, session.payment_link, session.url)
    equal(told, ("complete", "paid", 8_000, link.id, None), "the session")
    equal(session.metadata.to_dict(), {"order": "1004"}, "the metadata of the link, copied")
    expect(session.customer_details.email, "the customer's address is not told")
    intent = session.payment_intent
    equal((intent.object, intent.status, intent.amount_received), ("payment_intent", "succeeded", 8_000), "the intent")
    method = intent.payment_method
    equal((method.object, method.type, method.card.last4), ("payment_method", "card", "4242"), "the payment method")
    charge = intent.latest_charge
    equal((charge.paid, charge.refunded, charge.payment_intent), (True, False, intent.id), "the charge")
    found = bench.v1.checkout.sessions.list({"payment_intent": intent.id}).data
    equal([one.id for one in found], [session.id], "the session found by its intent")


@check("a property that can't be expanded is refused")
def _(bench: Bench) -> None:
    with refused(stripe.InvalidRequestError, 400, param="expand"):
        bench.v1.checkout.sessions.retrieve(bench.get("paid").id, {"expand": ["status"]})


@check("a declined card leaves the session open and unpaid")
def _(bench: Bench) -> None:
    link = bench.v1.payment_links.create({"line_items": [item()]})
    equal(bench.pay(link.url, "4000000000000002")[0], 402, "paying")
    (session,) = bench.v1.checkout.sessions.list({"payment_link": link.id}).data
    equal((session.status, session.payment_status), ("open", "unpaid"), "the session")


@check("a delivery is verified by the SDK")
def _(bench: Bench) -> None:
    session, secret = bench.get("paid"), bench.get("endpoint").secret
    letter = bench.receiver.wait_for("checkout.session.completed", session.id)
    bench.made["letter"] = letter
    event = stripe.Webhook.construct_event(letter.body, letter.signature, secret)
    equal((event.object, event.type), ("event", "checkout.session.completed"), "the event")
    equal(event.data.object.payment_status, "paid", "the snapshot")
    read = bench.v1.events.retrieve(event.id)
    equal((read.type, read.data.object.id), (event.type, session.id), "the event read")


@check("a forged delivery is refused by the SDK")
def _(bench: Bench) -> None:
    letter, secret = bench.get("letter"), bench.get("endpoint").secret
    forgeries = [
        (letter.body.replace(b'"paid"', b'"free"'), letter.signature, secret),
        (letter.body, letter.signature, "whsec_" + "0" * 32),
        (letter.body, letter.signature.replace("t=", "t=1"), secret),
    ]
    for body, signature, key in forgeries:
        try:
            stripe.Webhook.construct_event(body, signature, key)
        except stripe.SignatureVerificationError:
            continue
        raise Mismatch("a forgery passed")


@check("a payment is refunded in part, and then the rest")
def _(bench: Bench) -> None:
    intent = bench.get("paid").payment_intent.id
    part = bench.v1.refunds.create({"payment_intent": intent, "amount": 3_000, "reason": "requested_by_customer"})
    equal((part.status, part.amount, part.payment_intent), ("succeeded", 3_000, intent), "the refund")
    charge = bench.v1.charges.retrieve(part.charge)
    equal((charge.amount_refunded, charge.refunded), (3_000, False), "the charge after a part")
    with refused(stripe.InvalidRequestError, 400, param="amount"):
        bench.v1.refunds.create({"payment_intent": intent, "amount": 5_001})
    rest = bench.v1.refunds.create({"payment_intent": intent})
    equal(rest.amount, 5_000, "the rest")
    charge = bench.v1.charges.retrieve(part.charge)
    equal((charge.amount_refunded, charge.refunded), (8_000, True), "the charge after the rest")
    listed = bench.v1.refunds.list({"payment_intent": intent}).data
    equal([refund.id for refund in listed], [rest.id, part.id], "refunds listed")


@check("a payment is refunded whole, and not again")
def _(bench: Bench) -> None:
    link = bench.v1.payment_links.create({"line_items": [item(4_500)]})
    intent = bench.paid_session(link.url).payment_intent
    refund = bench.v1.refunds.create({"charge": intent.latest_charge.id})
    equal((refund.amount, refund.currency, refund.status), (4_500, "sek", "succeeded"), "the refund")
    with refused(stripe.InvalidRequestError, 400, "charge_already_refunded"):
        bench.v1.refunds.create({"payment_intent": intent.id})
    letter = bench.receiver.wait_for("charge.refunded", refund.charge)
    event = stripe.Webhook.construct_event(letter.body, letter.signature, bench.get("endpoint").secret)
    equal(event.data.object.refunded, True, "the snapshot")


@check("a refund is read, listed and given metadata")
def _(bench: Bench) -> None:
    (refund, _) = bench.v1.refunds.list({"payment_intent": bench.get("paid").payment_intent.id}).data
    changed = bench.v1.refunds.update(refund.id, {"metadata": {"ticket": "7"}})
    equal(changed.metadata.to_dict(), {"ticket": "7"}, "the metadata")
    read = bench.v1.refunds.retrieve(refund.id, {"expand": ["charge", "payment_intent"]})
    told = (read.charge.refunded, read.payment_intent.id, read.metadata.to_dict())
    equal(told, (True, bench.get("paid").payment_intent.id, {"ticket": "7"}), "the refund read")
    equal(bench.told("refund.updated", refund.id).metadata.to_dict(), {"ticket": "7"}, "the snapshot")
    with invalid("charge", "parameter_missing"):
        bench.v1.refunds.create({"amount": 100})
    with missing("payment_intent"):
        bench.v1.refunds.create({"payment_intent": "pi_none"})


@check("a refund that is sent can't be cancelled")
def _(bench: Bench) -> None:
    link = bench.v1.payment_links.create({"line_items": [item()]})
    intent = bench.paid_session(link.url).payment_intent
    refund = bench.v1.refunds.create({"payment_intent": intent.id, "amount": 2_000})
    equal(refund.status, "succeeded", "the refund")
    with refused(stripe.InvalidRequestError, 400, says="status of succeeded"):
        bench.v1.refunds.cancel(refund.id)


def held(bench: Bench, amount: int = 8_000) -> Any:
    """A session whose payment is authorized and not captured."""
    link = bench.v1.payment_links.create(
        {"line_items": [item(amount)], "payment_intent_data": {"capture_method": "manual"}}
    )
    session = bench.paid_session(link.url)
    intent = session.payment_intent
    told = (session.status, session.payment_status, intent.status, intent.amount_capturable, intent.amount_received)
    equal(told, ("complete", "unpaid", "requires_capture", amount, 0), "the payment that is held")
    charge = intent.latest_charge
    equal((charge.captured, charge.amount_captured), (False, 0), "the charge that is held")
    return session


@check("a payment is held, and captured in part")
def _(bench: Bench) -> None:
    session = held(bench)
    intent = session.payment_intent
    bench.told("payment_intent.amount_capturable_updated", intent.id)
    with refused(stripe.InvalidRequestError, 400, "charge_not_refundable"):
        bench.v1.refunds.create({"payment_intent": intent.id})
    with invalid("amount_to_capture"):
        bench.v1.payment_intents.capture(intent.id, {"amount_to_capture": 8_001})
    captured = bench.v1.payment_intents.capture(intent.id, {"amount_to_capture": 5_000, "metadata": {"part": "1"}})
    told = (captured.status, captured.amount_received, captured.amount_capturable, captured.metadata.to_dict())
    equal(told, ("succeeded", 5_000, 0, {"part": "1"}), "the intent")
    charge = bench.v1.charges.retrieve(captured.latest_charge)
    equal((charge.captured, charge.amount_captured, charge.amount_refunded), (True, 5_000, 3_000), "the charge")
    equal(bench.v1.checkout.sessions.retrieve(session.id).payment_status, "paid", "the session")
    equal(bench.told("charge.captured", charge.id).amount_captured, 5_000, "the snapshot")
    bench.told("payment_intent.succeeded", intent.id)
    with refused(stripe.InvalidRequestError, 400, "payment_intent_unexpected_state"):
        bench.v1.payment_intents.capture(intent.id)


@check("a payment that is held is let go")
def _(bench: Bench) -> None:
    intent = held(bench).payment_intent
    cancelled = bench.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "requested_by_customer"})
    told = (cancelled.status, cancelled.cancellation_reason, cancelled.amount_capturable)
    equal(told, ("canceled", "requested_by_customer", 0), "the intent")
    equal(bench.v1.payment_intents.retrieve(intent.id).status, "canceled", "the intent read")
    equal(bench.v1.charges.retrieve(intent.latest_charge.id).refunded, True, "the charge")
    bench.told("payment_intent.canceled", intent.id)
    with refused(stripe.InvalidRequestError, 400, "payment_intent_unexpected_state"):
        bench.v1.payment_intents.cancel(intent.id)


def disputed(bench: Bench) -> Any:
    """A dispute of a payment that was just made."""
    link = bench.v1.payment_links.create({"line_items": [item(7_000)]})
    intent = bench.paid_session(link.url, "4000000000000259").payment_intent
    equal(intent.latest_charge.disputed, True, "the charge")
    (dispute,) = bench.v1.disputes.list({"payment_intent": intent.id}).data
    told = (dispute.charge, dispute.amount, dispute.currency, dispute.status, dispute.reason)
    equal(told, (intent.latest_charge.id, 7_000, "sek", "needs_response", "fraudulent"), "the dispute")
    bench.told("charge.dispute.created", dispute.id)
    return dispute


@check("a payment is disputed, and the dispute is won")
def _(bench: Bench) -> None:
    dispute = disputed(bench)
    with refused(stripe.InvalidRequestError, 400, "charge_disputed"):
        bench.v1.refunds.create({"charge": dispute.charge})
    equal(bench.control(f"disputes/{dispute.id}", {"status": "won"})[0], 200, "the bank's answer")
    equal(bench.v1.disputes.retrieve(dispute.id).status, "won", "the dispute")
    equal(bench.told("charge.dispute.closed", dispute.id).status, "won", "the snapshot")
    bench.told("charge.dispute.funds_reinstated", dispute.id)


@check("a payment is disputed, and the dispute is given up")
def _(bench: Bench) -> None:
    dispute = disputed(bench)
    equal(bench.v1.disputes.close(dispute.id).status, "lost", "the dispute")
    read = bench.v1.disputes.retrieve(dispute.id, {"expand": ["charge", "payment_intent"]})
    equal((read.charge.disputed, read.payment_intent.status), (True, "succeeded"), "the dispute read")
    equal(ids(bench.v1.disputes.list({"charge": dispute.charge}).data), [dispute.id], "disputes listed")
    equal(bench.told("charge.dispute.closed", dispute.id).status, "lost", "the snapshot")
    with refused(stripe.InvalidRequestError, 400, says="already closed"):
        bench.v1.disputes.close(dispute.id)


@check("a card without money is told as such, and another card pays the same session")
def _(bench: Bench) -> None:
    link = bench.v1.payment_links.create({"line_items": [item()]})
    equal(bench.pay(link.url, "4000000000009995"), (402, {"error": "insufficient_funds"}), "paying")
    (session,) = bench.v1.checkout.sessions.list({"payment_link": link.id, "expand": ["data.payment_intent"]}).data
    failed = bench.v1.payment_intents.list({"limit": 1}).data[0]
    error = failed.last_payment_error
    told = (failed.status, error.type, error.code, error.decline_code)
    equal(told, ("requires_payment_method", "card_error", "card_declined", "insufficient_funds"), "the intent")
    bench.told("payment_intent.payment_failed", failed.id)
    paid = bench.paid_session(session.url)
    told = (paid.id, paid.payment_intent.id, paid.payment_intent.last_payment_error)
    equal(told, (session.id, failed.id, None), "the session")


@check("a webhook is sent again, and once more under a new secret")
def _(bench: Bench) -> None:
    (event,) = bench.v1.events.list({"type": "checkout.session.completed", "limit": 1}).data
    session = event.data.object.id
    endpoint = bench.get("endpoint")
    bench.told("checkout.session.completed", session)
    rolled = bench.control("webhooks/roll", {"id": endpoint.id})[1]["secret"]
    equal(bench.control("webhooks/resend", {"id": event.id})[0], 204, "sending it again")
    letter = bench.receiver.wait_for("checkout.session.completed", session)
    for secret in (endpoint.secret, rolled):
        again = stripe.Webhook.construct_event(letter.body, letter.signature, secret)
        equal(again.id, event.id, "the event")
