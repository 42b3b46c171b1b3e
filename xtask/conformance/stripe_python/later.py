"""What comes later, by the double's clock: bank debits, bank transfers, refunds that wait, and what expires."""

from typing import Any

import stripe

from bench import DAY, Bench, check, equal, expect, ids, invalid, item, refused

THANKS = "https://shop.example/thanks"
BANKRUPT = "AT611904300234570000"


def debited(bench: Bench, account: str | None = None) -> Any:
    """A session that was paid by a debit whose bank has not answered yet."""
    link = bench.v1.payment_links.create(
        {"line_items": [item(2_500, 1, "eur")], "payment_method_types": ["sepa_debit"]}
    )
    session = bench.paid_session(link.url, **({} if account is None else {"account": account}))
    intent = session.payment_intent
    told = (session.status, session.payment_status, intent.status, intent.amount_received)
    equal(told, ("complete", "unpaid", "processing", 0), "the session before the bank answers")
    told = (intent.payment_method.type, intent.latest_charge.status, intent.latest_charge.paid)
    equal(told, ("sepa_debit", "pending", False), "its payment")
    equal(bench.told("checkout.session.completed", session.id).payment_status, "unpaid", "the snapshot")
    return session


@check("a debit is paid when the bank has answered")
def _(bench: Bench) -> None:
    session = debited(bench)
    equal(session.payment_intent.payment_method.sepa_debit.last4, "3201", "the account's end")
    bench.advance(DAY)
    equal(bench.v1.checkout.sessions.retrieve(session.id).payment_status, "unpaid", "after a day")
    bench.advance(14 * DAY)
    paid = bench.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    intent = paid.payment_intent
    told = (paid.payment_status, intent.status, intent.amount_received, intent.latest_charge.status)
    equal(told, ("paid", "succeeded", 2_500, "succeeded"), "after two weeks")
    told = bench.told("checkout.session.async_payment_succeeded", session.id)
    equal(told.payment_status, "paid", "the snapshot")
    bench.told("payment_intent.succeeded", intent.id)


@check("a debit fails when the bank has answered")
def _(bench: Bench) -> None:
    session = debited(bench, BANKRUPT)
    bench.advance(14 * DAY)
    failed = bench.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    intent = failed.payment_intent
    told = (failed.status, failed.payment_status, intent.status, intent.amount_received)
    equal(told, ("complete", "unpaid", "requires_payment_method", 0), "the session")
    charge = intent.latest_charge
    equal((charge.status, charge.failure_code, charge.paid), ("failed", "insufficient_funds", False), "the charge")
    equal(bench.told("checkout.session.async_payment_failed", session.id).payment_status, "unpaid", "the snapshot")
    bench.told("payment_intent.payment_failed", intent.id)


def transferring(bench: Bench) -> Any:
    """A session that waits for a bank transfer."""
    customer = bench.v1.customers.create({"email": "bank@shop.example"}).id
    transfer: Any = {"type": "eu_bank_transfer", "eu_bank_transfer": {"country": "FR"}}
    options: Any = {"customer_balance": {"funding_type": "bank_transfer", "bank_transfer": transfer}}
    session = bench.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [item(9_000, 1, "eur")],
            "customer": customer,
            "allowed_payment_method_types": ["customer_balance"],
            "payment_method_options": options,
            "success_url": THANKS,
        }
    )
    session = bench.paid_session(session.url)
    intent = session.payment_intent
    equal((session.payment_status, intent.status), ("unpaid", "requires_action"), "the session before the transfer")
    told = intent.next_action.display_bank_transfer_instructions
    equal((told.amount_remaining, told.currency, told.type), (9_000, "eur", "eu_bank_transfer"), "the instructions")
    expect(told.reference and told.financial_addresses[0].iban.iban, "where the money is to go is not told")
    bench.told("payment_intent.requires_action", intent.id)
    return session


@check("a bank transfer arrives days later, in parts")
def _(bench: Bench) -> None:
    session = transferring(bench)
    customer, intent = session.customer, session.payment_intent.id
    bench.advance(3 * DAY)
    fund = bench.v1.test_helpers.customers.fund_cash_balance
    part = fund(customer, {"amount": 4_000, "currency": "eur"})
    told = (part.object, part.type, part.net_amount, part.ending_balance)
    equal(told, ("customer_cash_balance_transaction", "funded", 4_000, 4_000), "the first part")
    told = bench.v1.payment_intents.retrieve(intent).next_action.display_bank_transfer_instructions
    equal(told.amount_remaining, 5_000, "what remains")
    bench.told("payment_intent.partially_funded", intent)
    fund(customer, {"amount": 5_000, "currency": "eur", "reference": "Order 7"})
    paid = bench.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    told = (paid.payment_status, paid.payment_intent.status, paid.payment_intent.amount_received)
    equal(told, ("paid", "succeeded", 9_000), "the session")
    equal(bench.told("checkout.session.async_payment_succeeded", session.id).payment_status, "paid", "the snapshot")
    with invalid("currency"):
        fund(customer, {"amount": 1_000, "currency": "sek"})


@check("a bank transfer is made by whoever plays the customer's bank")
def _(bench: Bench) -> None:
    session = transferring(bench)
    bench.advance(2 * DAY)
    status, paid = bench.control("bank_transfer", {"session": session.id})
    equal((status, paid["payment_status"]), (200, "paid"), "the session")
    bench.told("checkout.session.async_payment_succeeded", session.id)


@check("a refund that waits for its customer is cancelled, and the charge has its money again")
def _(bench: Bench) -> None:
    session = transferring(bench)
    equal(bench.control("bank_transfer", {"session": session.id})[0], 200, "the transfer")
    paid = bench.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    refund = bench.v1.refunds.create({"payment_intent": paid.payment_intent.id, "amount": 2_000})
    equal(refund.status, "requires_action", "the refund")
    equal(bench.v1.refunds.cancel(refund.id).status, "canceled", "the refund cancelled")
    charge = bench.v1.charges.retrieve(refund.charge)
    equal((charge.amount_refunded, charge.refunded), (0, False), "the charge")
    with refused(stripe.InvalidRequestError, 400, says="status of canceled"):
        bench.v1.refunds.cancel(refund.id)


@check("a bank transfer needs a customer and a currency that it exists in")
def _(bench: Bench) -> None:
    methods: Any = {"allowed_payment_method_types": ["customer_balance"], "success_url": THANKS, "mode": "payment"}
    customer = bench.get("customer").id
    for params in ({"line_items": [item(9_000, 1, "eur")]}, {"line_items": [item()], "customer": customer}):
        with invalid("allowed_payment_method_types"):
            bench.v1.checkout.sessions.create({**methods, **params})
    with invalid("payment_method_options[customer_balance][funding_type]", "parameter_missing"):
        params = {"line_items": [item(9_000, 1, "eur")], "customer": customer}
        bench.v1.checkout.sessions.create({**methods, **params})


@check("a refund of a debit arrives a day later")
def _(bench: Bench) -> None:
    session = debited(bench)
    bench.advance(14 * DAY)
    refund = bench.v1.refunds.create({"payment_intent": session.payment_intent.id, "amount": 500})
    equal(refund.status, "pending", "the refund")
    bench.advance(5 * DAY)
    equal(bench.v1.refunds.retrieve(refund.id).status, "succeeded", "the refund later")
    bench.told("refund.updated", refund.id, status="succeeded")


@check("a refund fails later, and the charge has its money again")
def _(bench: Bench) -> None:
    link = bench.v1.payment_links.create({"line_items": [item()]})
    intent = bench.paid_session(link.url, "4000000000005126").payment_intent
    refund = bench.v1.refunds.create({"payment_intent": intent.id})
    bench.advance(5 * DAY)
    failed = bench.v1.refunds.retrieve(refund.id)
    equal((failed.status, failed.failure_reason), ("failed", "expired_or_canceled_card"), "the refund")
    charge = bench.v1.charges.retrieve(refund.charge)
    equal((charge.amount_refunded, charge.refunded), (0, False), "the charge")
    equal(bench.told("refund.failed", refund.id).status, "failed", "the snapshot")


@check("a session expires by itself, and is told")
def _(bench: Bench) -> None:
    params: Any = {"mode": "payment", "line_items": [item()], "success_url": THANKS}
    session = bench.v1.checkout.sessions.create({**params, "expires_at": bench.now() + 3_600})
    bench.advance(3_700)
    equal(bench.v1.checkout.sessions.retrieve(session.id).status, "expired", "the session")
    equal(bench.told("checkout.session.expired", session.id).url, None, "the snapshot")


@check("a promotion code and a coupon end with their time")
def _(bench: Bench) -> None:
    coupon = bench.v1.coupons.create({"percent_off": 10, "redeem_by": bench.now() + 2 * DAY})
    promotion: Any = {"promotion": {"type": "coupon", "coupon": coupon.id}, "expires_at": bench.now() + DAY}
    code = bench.v1.promotion_codes.create(promotion)
    with invalid("expires_at"):
        bench.v1.promotion_codes.create({**promotion, "expires_at": bench.now() + 3 * DAY})
    bench.advance(DAY + 1)
    equal(bench.v1.promotion_codes.retrieve(code.id).active, False, "the code")
    equal(bench.v1.coupons.retrieve(coupon.id).valid, True, "the coupon after a day")
    bench.advance(DAY)
    equal(bench.v1.coupons.retrieve(coupon.id).valid, False, "the coupon after two")
    with invalid("promotion[coupon]"):
        bench.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}})


@check("an idempotency key is free again after its day")
def _(bench: Bench) -> None:
    options: Any = {"idempotency_key": "conformance"}
    first = bench.v1.products.create({"name": "Grinder"}, options)
    equal(bench.v1.products.create({"name": "Grinder"}, options).id, first.id, "within the day")
    bench.advance(40 * DAY)
    second = bench.v1.products.create({"name": "Kettle"}, options)
    expect(second.id != first.id, "the key still answers")


@check("events reach back thirty days, and no further")
def _(bench: Bench) -> None:
    events = list(bench.v1.events.list({"limit": 100}).auto_paging_iter())
    expect(events, "no events")
    oldest = min(event.created for event in events)
    expect(oldest >= bench.now() - 30 * DAY, f"an event of {oldest}")
    equal(ids(bench.v1.events.list({"created": {"lt": bench.now() - 31 * DAY}}).data), [], "older events")
