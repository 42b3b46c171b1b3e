"""Events."""

import secrets
import time
from typing import Any

import stripe

from bench import Bench, check, equal, expect, refused


@check("events are listed, newest first, by type and by time")
def _(bench: Bench) -> None:
    events = list(bench.v1.events.list({"limit": 100}).auto_paging_iter())
    equal(len({event.id for event in events}), len(events), "distinct events")
    created = [event.created for event in events]
    equal(created, sorted(created, reverse=True), "their order")
    kinds = {event.type for event in events}
    wanted = {
        "payment_link.created",
        "payment_link.updated",
        "checkout.session.completed",
        "checkout.session.expired",
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "charge.succeeded",
        "charge.refunded",
        "refund.created",
        "product.created",
        "product.deleted",
        "price.created",
        "customer.created",
        "customer.deleted",
    }
    expect(wanted <= kinds, f"not told: {', '.join(sorted(wanted - kinds))}")
    both: Any = {"types": ["refund.created", "charge.refunded"], "limit": 100}
    listed = {event.type for event in bench.v1.events.list(both).auto_paging_iter()}
    equal(listed, {"refund.created", "charge.refunded"}, "types listed")
    later: Any = {"created": {"gt": int(time.time()) + 3_600}}
    equal(bench.v1.events.list(later).data, [], "events of the future")


@check("another key sees nothing of this account")
def _(bench: Bench) -> None:
    other: Any = bench.client_with("sk_test_" + secrets.token_hex(12)).v1
    equal(other.payment_links.list().data, [], "links of another account")
    with refused(stripe.InvalidRequestError, 404, "resource_missing"):
        other.payment_links.retrieve(bench.get("link").id)
