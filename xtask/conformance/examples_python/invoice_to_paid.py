"""Bills somebody, and waits until the invoice is paid.

The server is where PAYLINKS_SERVER says (http://host:port or host:port); a key, where one is needed, is in
PAYLINKS_API_KEY. The modules `paylinks.v1` are made of the contract by grpcio-tools, as the README tells.
"""

import json
import os
import time
import uuid

import grpc
from paylinks.v1 import event_service_pb2, event_service_pb2_grpc
from paylinks.v1 import invoice_service_pb2, invoice_service_pb2_grpc
from paylinks.v1 import payment_link_service_pb2, payment_link_service_pb2_grpc

# Each mutation has a request id, so what fails for now may be sent again as it is: it is done once.
RETRIES = {
    "methodConfig": [{
        "name": [{}],
        "timeout": "30s",
        "retryPolicy": {
            "maxAttempts": 5,
            "initialBackoff": "0.2s",
            "maxBackoff": "5s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE", "ABORTED"],
        },
    }, {
        # A stream has no end of its own.
        "name": [{"service": "paylinks.v1.EventService", "method": "StreamEvents"}],
    }],
}
# After these a stream is begun again behind the last cursor.
BROKEN = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}


def open_invoice(channel, metadata):
    """An open invoice of 1 287.00 SEK and what tax there is on it."""
    line = invoice_service_pb2.InvoiceLineInput(description="Web hosting", quantity=1)
    line.price_data.unit_price.minor_units = "128700"
    line.price_data.unit_price.currency_code = "SEK"
    line.price_data.tax_behavior = 1  # TAX_BEHAVIOR_EXCLUSIVE
    line.tax.automatic.SetInParent()
    request = invoice_service_pb2.CreateInvoiceRequest(
        request_id=str(uuid.uuid4()), currency_code="SEK", lines=[line], finalize=True)
    return invoice_service_pb2_grpc.InvoiceServiceStub(channel).CreateInvoice(request, metadata=metadata).invoice


def wait_until_paid(channel, metadata, invoice_id):
    """Follows the invoice's events from the first on, which may have come before this was called."""
    events = event_service_pb2_grpc.EventServiceStub(channel)
    cursor = "0"
    while True:
        request = event_service_pb2.StreamEventsRequest(after_cursor=cursor, subject_id=invoice_id)
        try:
            for message in events.StreamEvents(request, metadata=metadata):
                if message.HasField("event"):
                    print(message.event.cursor, message.event.type, flush=True)
                    if message.event.type == "invoice.paid":
                        return message.event.invoice
                cursor = message.cursor
        except grpc.RpcError as error:
            if error.code() not in BROKEN:
                raise
        time.sleep(1)


def main():
    server = os.environ.get("PAYLINKS_SERVER", "127.0.0.1:50051").removeprefix("http://")
    key = os.environ.get("PAYLINKS_API_KEY")
    metadata = [("authorization", f"Bearer {key}")] if key else []
    with grpc.insecure_channel(server, options=[("grpc.service_config", json.dumps(RETRIES))]) as channel:
        try:
            invoice = open_invoice(channel, metadata)
            links = payment_link_service_pb2_grpc.PaymentLinkServiceStub(channel)
            request = payment_link_service_pb2.CreatePaymentLinkRequest(
                request_id=str(uuid.uuid4()), invoice_id=invoice.id)
            link = links.CreatePaymentLink(request, metadata=metadata).payment_link
            print("pay at", link.url, flush=True)
            paid = wait_until_paid(channel, metadata, invoice.id)
            print(paid.number, "is paid:", paid.amount_paid.minor_units, "minor units of", paid.currency_code)
        except grpc.RpcError as error:
            raise SystemExit(f"{error.code().name}: {error.details()}") from error


if __name__ == "__main__":
    main()
