"""Keys, refusals, and idempotency."""

import secrets
from typing import Any


import stripe

from bench import Bench, check, equal, expect, item, refused


@check("a key that is no key is refused")
def _(bench: Bench) -> None:
    with refused(stripe.AuthenticationError, 401):
        bench.client_with("not_a_key").v1.payment_links.list()


@check("a live key is refused")
def _(bench: Bench) -> None:
    with refused(stripe.AuthenticationError, 401):
        bench.client_with("sk_live_" + "0" * 24).v1.payment_links.list()


@check("an unknown parameter is refused")
def _(bench: Bench) -> None:
    with refused(stripe.InvalidRequestError, 400, "parameter_unknown", "colour"):
        bench.v1.payment_links.create({"line_items": [item()], "colour": "red"})


@check("an unknown nested parameter is refused under its path")
def _(bench: Bench) -> None:
    with refused(stripe.InvalidRequestError, 400, "parameter_unknown", "line_items[0][colour]"):
        bench.v1.payment_links.create({"line_items": [{**item(), "colour": "red"}]})


@check("a missing parameter is refused")
def _(bench: Bench) -> None:
    with refused(stripe.InvalidRequestError, 400, "parameter_missing", "line_items"):
        bench.v1.payment_links.create({"metadata": {"order": "1"}})


@check("a missing nested parameter is refused under its path")
def _(bench: Bench) -> None:
    wanted = "line_items[0][price_data][currency]"
    with refused(stripe.InvalidRequestError, 400, "parameter_missing", wanted):
        price = {"unit_amount": 5_000, "product_data": {"name": "Coffee beans"}}
        bench.v1.payment_links.create({"line_items": [{"price_data": price, "quantity": 1}]})


@check("a value outside of an enumeration is refused")
def _(bench: Bench) -> None:
    with refused(stripe.InvalidRequestError, 400, param="submit_type"):
        bench.v1.payment_links.create({"line_items": [item()], "submit_type": "steal"})


@check("a number that is no number is refused")
def _(bench: Bench) -> None:
    with refused(stripe.InvalidRequestError, 400, "parameter_invalid_integer", "line_items[0][quantity]"):
        bench.v1.payment_links.create({"line_items": [{**item(), "quantity": "some"}]})


@check("an amount below the minimum of its currency is refused")
def _(bench: Bench) -> None:
    with refused(stripe.InvalidRequestError, 400, "amount_too_small"):
        bench.v1.payment_links.create({"line_items": [item(299)]})


@check("an object that is not there is a 404")
def _(bench: Bench) -> None:
    v1 = bench.v1
    for service in (
        v1.payment_links,
        v1.checkout.sessions,
        v1.products,
        v1.prices,
        v1.customers,
        v1.payment_intents,
        v1.payment_methods,
        v1.charges,
        v1.refunds,
        v1.events,
        v1.webhook_endpoints,
    ):
        with refused(stripe.InvalidRequestError, 404, "resource_missing"):
            service.retrieve("none_such")


@check("the same key and parameters answer with the same object")
def _(bench: Bench) -> None:
    params: Any = {"line_items": [item()], "metadata": {"order": "1002"}}
    options: Any = {"idempotency_key": secrets.token_hex(16)}
    first = bench.v1.payment_links.create(params, options)
    again = bench.v1.payment_links.create(params, options)
    equal(again.id, first.id, "the id")
    equal(again.last_response.headers.get("idempotent-replayed"), "true", "Idempotent-Replayed")
    expect("idempotent-replayed" not in first.last_response.headers, "the first answer is marked as a replay")


@check("the same key with other parameters is refused")
def _(bench: Bench) -> None:
    options: Any = {"idempotency_key": secrets.token_hex(16)}
    bench.v1.payment_links.create({"line_items": [item()]}, options)
    with refused(stripe.IdempotencyError, 400):
        bench.v1.payment_links.create({"line_items": [item(6_000)]}, options)
