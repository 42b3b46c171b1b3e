"""Holds a Stripe double to what Stripe's own Python SDK expects of Stripe.

    python stripe_python.py http://127.0.0.1:12111

The SDK (`stripe==16.1.0`) is used as it is published; nothing but the base address is set. Each check prints one line,
`ok` or `FAIL`, and a closing line counts both. The exit code is 1 if a check failed, and 2 without a base address.

Every run works under a key of its own, so that it starts from an empty account and can be repeated against a double
that keeps its state. Checks run in order, and later ones use what earlier ones made.
"""

import json
import queue
import secrets
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import stripe

LINKS = 250
WEBHOOK_TIMEOUT_SECONDS = 15.0
REQUEST_TIMEOUT_SECONDS = 30.0

# Straight to the double, whatever proxy the environment names.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Mismatch(Exception):
    """What came back is not what Stripe answers."""


def expect(condition: object, message: str) -> None:
    if not condition:
        raise Mismatch(message)


def equal(actual: object, wanted: object, what: str) -> None:
    expect(actual == wanted, f"{what}: {actual!r}, not {wanted!r}")


@contextmanager
def refused(
    kind: type[stripe.StripeError], status: int, code: str | None = None, param: str | None = None
) -> Iterator[None]:
    """Expects the SDK to raise exactly this error."""
    try:
        yield
    except stripe.StripeError as error:
        equal(type(error).__name__, kind.__name__, "the error")
        equal(error.http_status, status, "the status")
        expect(error.user_message, "the error has no message")
        expect(error.request_id, "the error has no Request-Id")
        if code is not None:
            equal(error.code, code, "the code")
        if param is not None:
            equal(getattr(error, "param", None), param, "the parameter")
        return
    raise Mismatch(f"not refused; {kind.__name__} was due")


def item(amount: int = 5_000, quantity: int = 1, currency: str = "sek", name: str = "Coffee beans") -> Any:
    """A line item with an inline price."""
    price = {"currency": currency, "unit_amount": amount, "product_data": {"name": name}}
    return {"price_data": price, "quantity": quantity}


@dataclass(frozen=True)
class Letter:
    """A webhook as it arrived."""

    body: bytes
    signature: str


class Receiver:
    """Takes webhooks on loopback."""

    def __init__(self) -> None:
        letters: queue.Queue[Letter] = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                letters.put(Letter(body, self.headers.get("Stripe-Signature", "")))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._letters = letters
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhooks"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait_for(self, kind: str, object_id: str) -> Letter:
        """The next letter of this kind on this object; others are passed over."""
        deadline = time.monotonic() + WEBHOOK_TIMEOUT_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            try:
                letter = self._letters.get(timeout=left)
            except queue.Empty:
                break
            event = json.loads(letter.body)
            if event["type"] == kind and event["data"]["object"]["id"] == object_id:
                return letter
        raise Mismatch(f"no webhook {kind} on {object_id} within {WEBHOOK_TIMEOUT_SECONDS:.0f} s")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Bench:
    """What the checks share."""

    base: str
    key: str
    receiver: Receiver
    client: stripe.StripeClient = field(init=False)
    made: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client = self.client_with(self.key)

    def client_with(self, key: str) -> stripe.StripeClient:
        return stripe.StripeClient(key, base_addresses={"api": self.base})

    @property
    def v1(self) -> Any:
        return self.client.v1

    def get(self, name: str) -> Any:
        """What an earlier check made."""
        expect(name in self.made, f"an earlier check did not make the {name}")
        return self.made[name]

    def pay(self, url: str, card: str | None = None) -> tuple[int, dict[str, Any]]:
        """Pays at a link or session as a customer would; the status and the answer."""
        body = {"url": url} if card is None else {"url": url, "card": card}
        request = urllib.request.Request(
            f"{self.base}/_sandbox/pay",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        try:
            with OPENER.open(request, timeout=REQUEST_TIMEOUT_SECONDS) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def paid_session(self, url: str) -> Any:
        """Pays, and reads the session with its payment."""
        status, answer = self.pay(url)
        equal(status, 200, "paying")
        params: Any = {"expand": ["payment_intent.payment_method", "payment_intent.latest_charge", "line_items"]}
        return self.v1.checkout.sessions.retrieve(answer["session"], params)


Check = Callable[[Bench], None]
CHECKS: list[tuple[str, Check]] = []


def check(name: str) -> Callable[[Check], Check]:
    """Registers a check under the name that its line shows."""

    def register(function: Check) -> Check:
        CHECKS.append((name, function))
        return function

    return register


# Keys and refusals


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


# Webhook endpoints


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
    with refused(stripe.InvalidRequestError, 404, "resource_missing"):
        service.retrieve(made.id)


# Payment links


@check("a link is created")
def _(bench: Bench) -> None:
    link = bench.v1.payment_links.create(
        {
            "line_items": [item(5_000, 2), item(1_250, 1, name="Filter papers")],
            "metadata": {"order": "1001", "shop": "Söder"},
            "inactive_message": "This offer has ended.",
            "after_completion": {"type": "redirect", "redirect": {"url": "https://shop.example/thanks"}},
        }
    )
    bench.made["link"] = link
    expect(link.id.startswith("plink_"), f"the id: {link.id!r}")
    equal((link.object, link.active, link.currency, link.livemode), ("payment_link", True, "sek", False), "the link")
    equal(link.metadata.to_dict(), {"order": "1001", "shop": "Söder"}, "the metadata")
    equal(link.after_completion.redirect.url, "https://shop.example/thanks", "the redirect")
    expect(link.url.startswith("http"), f"the address: {link.url!r}")
    expect(link.last_response.headers.get("request-id"), "no Request-Id")


@check("a link is read")
def _(bench: Bench) -> None:
    link = bench.get("link")
    equal(bench.v1.payment_links.retrieve(link.id).to_dict(), link.to_dict(), "the link")


@check("the line items of a link are listed, page by page")
def _(bench: Bench) -> None:
    link = bench.get("link")
    page = bench.v1.payment_links.line_items.list(link.id, {"limit": 1})
    equal((len(page.data), page.has_more), (1, True), "the first page")
    lines = list(page.auto_paging_iter())
    told = [(line.object, line.description, line.quantity, line.amount_total, line.currency) for line in lines]
    wanted = [("item", "Coffee beans", 2, 10_000, "sek"), ("item", "Filter papers", 1, 1_250, "sek")]
    equal(told, wanted, "the line items")
    equal(lines[0].price.unit_amount, 5_000, "the unit price")


@check("the line items of a link come expanded with it")
def _(bench: Bench) -> None:
    link = bench.v1.payment_links.retrieve(bench.get("link").id, {"expand": ["line_items"]})
    equal([line.amount_total for line in link.line_items.data], [10_000, 1_250], "the line items")


@check("a quantity of a link is changed")
def _(bench: Bench) -> None:
    link = bench.get("link")
    second = bench.v1.payment_links.line_items.list(link.id).data[1]
    bench.v1.payment_links.update(link.id, {"line_items": [{"id": second.id, "quantity": 3}]})
    lines = bench.v1.payment_links.line_items.list(link.id).data
    equal([(line.quantity, line.amount_total) for line in lines], [(2, 10_000), (3, 3_750)], "the line items")


@check("metadata of a link: one is set and the others stay")
def _(bench: Bench) -> None:
    changed = bench.v1.payment_links.update(bench.get("link").id, {"metadata": {"channel": "mail"}})
    equal(changed.metadata.to_dict(), {"order": "1001", "shop": "Söder", "channel": "mail"}, "the metadata")


@check("metadata of a link: one is unset by an empty value")
def _(bench: Bench) -> None:
    changed = bench.v1.payment_links.update(bench.get("link").id, {"metadata": {"shop": ""}})
    equal(changed.metadata.to_dict(), {"order": "1001", "channel": "mail"}, "the metadata")


@check("metadata of a link: all are unset by an empty text")
def _(bench: Bench) -> None:
    link = bench.get("link")
    equal(bench.v1.payment_links.update(link.id, {"metadata": ""}).metadata.to_dict(), {}, "the metadata")
    equal(bench.v1.payment_links.retrieve(link.id).metadata.to_dict(), {}, "the metadata read")


@check("metadata beyond its limits is refused")
def _(bench: Bench) -> None:
    link = bench.get("link")
    for metadata in ({"k" * 41: "v"}, {"k": "v" * 501}, {f"k{n}": "v" for n in range(51)}):
        with refused(stripe.InvalidRequestError, 400):
            bench.v1.payment_links.update(link.id, {"metadata": metadata})


@check("a link is closed, and takes no payment")
def _(bench: Bench) -> None:
    link = bench.get("link")
    equal(bench.v1.payment_links.update(link.id, {"active": False}).active, False, "active")
    equal(bench.pay(link.url)[0], 410, "paying at a closed link")


@check("a link is reopened, and takes payment")
def _(bench: Bench) -> None:
    link = bench.get("link")
    equal(bench.v1.payment_links.update(link.id, {"active": True}).active, True, "active")
    status, answer = bench.pay(link.url)
    equal((status, answer.get("status")), (200, "complete"), "paying at a reopened link")


@check("a link of one payment closes after it")
def _(bench: Bench) -> None:
    params = {"line_items": [item()], "restrictions": {"completed_sessions": {"limit": 1}}}
    link = bench.v1.payment_links.create(params)
    equal(bench.pay(link.url)[0], 200, "paying")
    closed = bench.v1.payment_links.retrieve(link.id)
    equal((closed.active, closed.restrictions.completed_sessions.count), (False, 1), "the link")
    equal(bench.pay(link.url)[0], 410, "paying again")


@check(f"{LINKS} links are listed by auto-paging, newest first, each once")
def _(bench: Bench) -> None:
    before = [link.id for link in bench.v1.payment_links.list({"limit": 100}).auto_paging_iter()]
    price = bench.v1.prices.create({"currency": "sek", "unit_amount": 5_000, "product_data": {"name": "Coffee beans"}})
    params: Any = {"line_items": [{"price": price.id, "quantity": 1}]}
    made = [bench.v1.payment_links.create(params).id for _ in range(LINKS)]
    bench.made["links"] = made
    listed = [link.id for link in bench.v1.payment_links.list({"limit": 100}).auto_paging_iter()]
    equal(len(listed), LINKS + len(before), "links listed")
    equal(listed, made[::-1] + before, "their order")


@check("links are paged backwards too")
def _(bench: Bench) -> None:
    newest_first = bench.get("links")[::-1]
    page = bench.v1.payment_links.list({"limit": 5, "ending_before": newest_first[20]})
    equal([link.id for link in page.data], newest_first[15:20], "the page before")
    rest = [link.id for link in page.auto_paging_iter()]
    equal(rest, newest_first[:20][::-1], "all before")


@check("links are listed by whether they are active")
def _(bench: Bench) -> None:
    bench.v1.payment_links.update(bench.get("links")[7], {"active": False})
    closed = [link.id for link in bench.v1.payment_links.list({"active": False}).auto_paging_iter()]
    expect(bench.get("links")[7] in closed and bench.get("links")[8] not in closed, "the wrong links are listed")


@check("a page of more than 100 is refused")
def _(bench: Bench) -> None:
    with refused(stripe.InvalidRequestError, 400, param="limit"):
        bench.v1.payment_links.list({"limit": 101})


# Idempotency


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


# Products, prices and customers


@check("a product is created, read, updated, listed and deleted")
def _(bench: Bench) -> None:
    products = bench.v1.products
    made = products.create({"name": "Grinder", "description": "By hand", "metadata": {"shelf": "3"}})
    equal((made.name, made.active, made.metadata.to_dict()), ("Grinder", True, {"shelf": "3"}), "the product")
    equal(products.retrieve(made.id).to_dict(), made.to_dict(), "the product read")
    changed = products.update(made.id, {"name": "Hand grinder", "description": "", "active": False})
    equal((changed.name, changed.description, changed.active), ("Hand grinder", None, False), "the product updated")
    equal([product.id for product in products.list({"ids": [made.id]}).data], [made.id], "products listed")
    equal(products.delete(made.id).deleted, True, "deleted")
    with refused(stripe.InvalidRequestError, 404, "resource_missing"):
        products.retrieve(made.id)


@check("a product takes an id of one's own, once")
def _(bench: Bench) -> None:
    bench.v1.products.create({"id": "kettle", "name": "Kettle"})
    with refused(stripe.InvalidRequestError, 400, "resource_already_exists"):
        bench.v1.products.create({"id": "kettle", "name": "Kettle"})
    bench.v1.products.delete("kettle")
    bench.v1.products.create({"id": "kettle", "name": "Kettle"})
    equal(len(bench.v1.products.list({"ids": ["kettle"]}).data), 1, "products listed")


@check("a price is created, read, updated, archived and listed")
def _(bench: Bench) -> None:
    prices = bench.v1.prices
    made = prices.create({"product": "kettle", "currency": "eur", "unit_amount": 4_900, "lookup_key": "kettle-eur"})
    told = (made.product, made.currency, made.unit_amount, made.unit_amount_decimal, made.type, made.active)
    equal(told, ("kettle", "eur", 4_900, 4_900, "one_time", True), "the price")
    equal(prices.retrieve(made.id).to_dict(), made.to_dict(), "the price read")
    changed = prices.update(made.id, {"nickname": "spring", "metadata": {"season": "spring"}, "active": False})
    told = (changed.nickname, changed.metadata.to_dict(), changed.active)
    equal(told, ("spring", {"season": "spring"}, False), "the price updated")
    equal([price.id for price in prices.list({"product": "kettle"}).data], [made.id], "by product")
    equal([price.id for price in prices.list({"lookup_keys": ["kettle-eur"]}).data], [made.id], "by lookup key")
    equal(prices.retrieve(made.id, {"expand": ["product"]}).product.name, "Kettle", "the product expanded")


@check("an archived price is refused in a link, and a priced product can't be deleted")
def _(bench: Bench) -> None:
    (price,) = bench.v1.prices.list({"product": "kettle"}).data
    with refused(stripe.InvalidRequestError, 400, param="line_items[0][price]"):
        bench.v1.payment_links.create({"line_items": [{"price": price.id, "quantity": 1}]})
    with refused(stripe.InvalidRequestError, 400):
        bench.v1.products.delete("kettle")


@check("a price of fractions of the smallest unit is kept exactly")
def _(bench: Bench) -> None:
    price = bench.v1.prices.create({"product": "kettle", "currency": "eur", "unit_amount_decimal": "12.345"})
    equal((price.unit_amount, str(price.unit_amount_decimal)), (None, "12.345"), "the price")


@check("a customer is created, read, updated and listed")
def _(bench: Bench) -> None:
    customers = bench.v1.customers
    address = {"line1": "Storgatan 1", "city": "Umeå", "country": "SE"}
    made = customers.create({"email": "ada@shop.example", "name": "Ada", "address": address})
    told = (made.email, made.name, made.address.city)
    equal(told, ("ada@shop.example", "Ada", "Umeå"), "the customer")
    equal(customers.retrieve(made.id).to_dict(), made.to_dict(), "the customer read")
    equal(customers.update(made.id, {"name": "Ada L."}).name, "Ada L.", "the name")
    equal([c.id for c in customers.list({"email": "ada@shop.example"}).data], [made.id], "customers listed")
    bench.made["customer"] = made


@check("a customer is deleted, and still told as deleted")
def _(bench: Bench) -> None:
    customers = bench.v1.customers
    made = customers.create({"email": "gone@shop.example"})
    equal(customers.delete(made.id).deleted, True, "deleted")
    equal(customers.retrieve(made.id).to_dict().get("deleted"), True, "told as deleted")
    equal(customers.list({"email": "gone@shop.example"}).data, [], "customers listed")
    with refused(stripe.InvalidRequestError, 404, "resource_missing"):
        customers.update(made.id, {"name": "Nobody"})


# Checkout sessions


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
    with refused(stripe.InvalidRequestError, 400):
        bench.v1.checkout.sessions.expire(bench.get("session").id)


# Paying, refunding, and what is told of it


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
    with refused(stripe.InvalidRequestError, 400):
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


def run(base: str) -> int:
    """Runs every check; the number that failed."""
    receiver = Receiver()
    bench = Bench(base.rstrip("/"), "sk_test_" + secrets.token_hex(12), receiver)
    failed = 0
    try:
        for name, function in CHECKS:
            try:
                function(bench)
            except Exception as error:  # Whatever goes wrong fails this check alone.
                failed += 1
                print(f"FAIL {name}: {type(error).__name__}: {error}", flush=True)
            else:
                print(f"ok   {name}", flush=True)
    finally:
        if "endpoint" in bench.made:
            bench.v1.webhook_endpoints.delete(bench.made["endpoint"].id)
        receiver.close()
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return failed


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: stripe_python.py BASE_URL", file=sys.stderr)
        return 2
    return 1 if run(sys.argv[1]) else 0


if __name__ == "__main__":
    sys.exit(main())
