"""Webhook endpoints."""

from bench import Bench, check, equal, expect, missing


@check("a webhook endpoint is registered and tells its secret once")
def _(bench: Bench) -> None:
    endpoint = bench.v1.webhook_endpoints.create({"url": bench.receiver.url, "enabled_events": ["*"]})
    expect(endpoint.secret.startswith("whsec_"), f"the secret: {endpoint.secret!r}")
    bench.made["endpoint"] = endpoint
    again = bench.v1.webhook_endpoints.retrieve(endpoint.id)
    equal((again.url, again.status, again.enabled_events), (bench.receiver.url, "enabled", ["*"]), "the endpoint")
    expect("secret" not in again, "the secret is told again")


@check("a webhook endpoint is updated, disabled and deleted")
def _(bench: Bench) -> None:
    service = bench.v1.webhook_endpoints
    made = service.create({"url": bench.receiver.url + "/other", "enabled_events": ["charge.refunded"]})
    changed = service.update(made.id, {"enabled_events": ["refund.created"], "disabled": True})
    equal((changed.enabled_events, changed.status), (["refund.created"], "disabled"), "the endpoint")
    equal(len(service.list().data), 2, "endpoints listed")
    equal(service.delete(made.id).deleted, True, "deleted")
    with missing():
        service.retrieve(made.id)
