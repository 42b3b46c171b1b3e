"""What the checks share: expectations, the receiver of webhooks, the customer and the clock that a test plays."""

import json
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

WEBHOOK_TIMEOUT_SECONDS = 15.0
REQUEST_TIMEOUT_SECONDS = 30.0
DAY = 24 * 60 * 60

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
    kind: type[stripe.StripeError],
    status: int,
    code: str | None = None,
    param: str | None = None,
    says: str | None = None,
) -> Iterator[None]:
    """Expects the SDK to raise exactly this error; `says` is for those that have neither code nor parameter."""
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
        if says is not None:
            expect(says in (error.user_message or ""), f"the message: {error.user_message!r}, not {says!r}")
        return
    raise Mismatch(f"not refused; {kind.__name__} was due")


@contextmanager
def invalid(param: str | None = None, code: str | None = None) -> Iterator[None]:
    """Expects a request that is refused for a parameter."""
    with refused(stripe.InvalidRequestError, 400, code, param):
        yield


@contextmanager
def missing(param: str | None = None) -> Iterator[None]:
    """Expects an object that is not there: a 404 by its address, a 400 where a parameter names it."""
    with refused(stripe.InvalidRequestError, 404 if param is None else 400, "resource_missing", param):
        yield


def item(
    amount: int = 5_000, quantity: int = 1, currency: str = "sek", name: str = "Coffee beans", **price: Any
) -> Any:
    """A line item with an inline price."""
    inline = {"currency": currency, "unit_amount": amount, "product_data": {"name": name}, **price}
    return {"price_data": inline, "quantity": quantity}


def monthly(amount: int = 9_900, **price: Any) -> Any:
    """A line item that is paid each month."""
    return item(amount, name="Subscription", recurring={"interval": "month"}, **price)


def ids(objects: Any) -> list[str]:
    return [one.id for one in objects]


@dataclass(frozen=True)
class Letter:
    """A webhook as it arrived."""

    body: bytes
    signature: str
    event: dict[str, Any]


class Receiver:
    """Takes webhooks on loopback, in whatever order they come."""

    def __init__(self) -> None:
        self._letters: list[Letter] = []
        self._came = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                receiver._take(Letter(body, self.headers.get("Stripe-Signature", ""), json.loads(body)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhooks"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _take(self, letter: Letter) -> None:
        with self._came:
            self._letters.append(letter)
            self._came.notify_all()

    def wait_for(self, kind: str, object_id: str, **fields: Any) -> Letter:
        """A letter of this kind, on this object with these fields, that was not waited for before."""

        def fits(letter: Letter) -> bool:
            told = letter.event["data"]["object"]
            has = all(told.get(name) == value for name, value in fields.items())
            return letter.event["type"] == kind and told["id"] == object_id and has

        def found() -> Letter | None:
            return next(filter(fits, self._letters), None)

        with self._came:
            letter = self._came.wait_for(found, WEBHOOK_TIMEOUT_SECONDS)
            if letter is None:
                raise Mismatch(f"no webhook {kind} on {object_id} within {WEBHOOK_TIMEOUT_SECONDS:.0f} s")
            self._letters.remove(letter)
            return letter

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
    operations: list[str] = field(default_factory=list)

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

    def control(self, path: str, body: Any = None) -> tuple[int, Any]:
        """What a test does beside the API: the status and the answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.base}/_sandbox/{path}", data)
        request.add_header("Content-Type", "application/json")
        try:
            with OPENER.open(request, timeout=REQUEST_TIMEOUT_SECONDS) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def now(self) -> int:
        """The time by the double's clock, in seconds since the Unix epoch."""
        return self.control("clock")[1]["now"]

    def advance(self, seconds: int) -> int:
        """Lets time pass; answers the time after it. What was told before arrives before, as it would in real time."""
        deadline = time.monotonic() + WEBHOOK_TIMEOUT_SECONDS
        while pending := self.control("webhooks/pending")[1]["pending"]:
            expect(time.monotonic() < deadline, f"{pending} webhooks are still under way")
            time.sleep(0.02)
        status, clock = self.control("clock", {"advance_seconds": seconds})
        equal(status, 200, "moving the clock")
        return clock["now"]

    def pay(self, url: str, card: str | None = None, **entered: Any) -> tuple[int, dict[str, Any]]:
        """Pays at a link or session as a customer would; the status and the answer."""
        return self.control("pay", {"url": url, **({} if card is None else {"card": card}), **entered})

    def session_paid(self, url: str, card: str | None = None, expand: Any = (), **entered: Any) -> Any:
        """Pays, and reads the session."""
        status, answer = self.pay(url, card, **entered)
        equal((status, answer.get("error"), answer.get("fields")), (200, None, None), "paying")
        return self.v1.checkout.sessions.retrieve(answer["session"], {"expand": list(expand)} if expand else None)

    def paid_session(self, url: str, card: str | None = None, **entered: Any) -> Any:
        """Pays, and reads the session with its payment."""
        expand = ["payment_intent.payment_method", "payment_intent.latest_charge", "line_items"]
        return self.session_paid(url, card, expand, **entered)

    def told(self, kind: str, object_id: str, **fields: Any) -> Any:
        """Waits for a webhook, has the SDK verify it, and answers its snapshot."""
        letter = self.receiver.wait_for(kind, object_id, **fields)
        event = stripe.Webhook.construct_event(letter.body, letter.signature, self.get("endpoint").secret)
        equal((event.object, event.type, event.data.object.id), ("event", kind, object_id), "the event")
        return event.data.object


Check = Callable[[Bench], None]
CHECKS: list[tuple[str, Check]] = []


def check(name: str) -> Callable[[Check], Check]:
    """Registers a check under the name that its line shows."""

    def register(function: Check) -> Check:
        CHECKS.append((name, function))
        return function

    return register
