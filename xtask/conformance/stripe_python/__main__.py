"""Holds a Stripe double to what Stripe's own Python SDK expects of Stripe.

    python -B stripe_python http://127.0.0.1:12111 [PARAMS.json]

The SDK (`stripe==16.1.0`) is used as it is published; nothing but the base address is set. Each check prints one line,
`ok` or `FAIL`, and a closing line counts both. The exit code is 1 if a check failed, and 2 without a base address.

With the double's table of parameters, a last check tells the operations of it that no check has called with success.

Every run works under a key of its own, so that it starts from an empty account and can be repeated against a double
that keeps its state. Checks run in order, and later ones use what earlier ones made. Those that move the double's clock
come last: it never goes back.
"""

import json
import secrets
import sys
from pathlib import Path

# Each module registers its checks, which run in this order.
import access  # noqa: F401
import endpoints  # noqa: F401
import links  # noqa: F401
import catalogue  # noqa: F401
import offers  # noqa: F401
import taxes  # noqa: F401
import checkout  # noqa: F401
import payments  # noqa: F401
import events  # noqa: F401
import later  # noqa: F401
import subscriptions  # noqa: F401
from bench import CHECKS, Bench, Receiver, check, expect


@check("every operation that is served was called")
def _(bench: Bench) -> None:
    called = bench.control("requests")[1]
    never = [operation for operation in bench.operations if operation not in called]
    expect(not never, f"never called with success: {', '.join(never)}")


def run(base: str, operations: list[str]) -> int:
    """Runs every check; the number that failed."""
    receiver = Receiver()
    bench = Bench(base.rstrip("/"), "sk_test_" + secrets.token_hex(12), receiver, operations=operations)
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
    if len(sys.argv) not in (2, 3):
        print("usage: stripe_python BASE_URL [PARAMS.json]", file=sys.stderr)
        return 2
    table = json.loads(Path(sys.argv[2]).read_text()) if len(sys.argv) == 3 else {"operations": {}}
    return 1 if run(sys.argv[1], list(table["operations"])) else 0


if __name__ == "__main__":
    sys.exit(main())
