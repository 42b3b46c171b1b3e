// Bills somebody, and waits until the invoice is paid: node invoice_to_paid.js PROTO_DIRECTORY
//
// The server is where PAYLINKS_SERVER says (http://host:port or host:port); a key, where one is needed, is in
// PAYLINKS_API_KEY. The types are made of the contract by @grpc/proto-loader:
//
//   proto-loader-gen-types --grpcLib=@grpc/grpc-js --longs=String --enums=String --defaults --importFileExtension=.js \
//     --includeDirs=proto --outDir=types paylinks/v1/event_service.proto

import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";

import * as grpc from "@grpc/grpc-js";
import * as protoLoader from "@grpc/proto-loader";

import type { ProtoGrpcType } from "./types/event_service.js";
import type { CreateInvoiceResponse__Output } from "./types/paylinks/v1/CreateInvoiceResponse.js";
import type { CreatePaymentLinkResponse__Output } from "./types/paylinks/v1/CreatePaymentLinkResponse.js";
import type { Invoice__Output } from "./types/paylinks/v1/Invoice.js";
import type { StreamEventsResponse__Output } from "./types/paylinks/v1/StreamEventsResponse.js";

// Each mutation has a request id, so what fails for now may be sent again as it is: it is done once.
const RETRIES = {
  methodConfig: [
    {
      name: [{}],
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: "0.2s",
        maxBackoff: "5s",
        backoffMultiplier: 2,
        retryableStatusCodes: ["UNAVAILABLE", "ABORTED"],
      },
    },
  ],
};
// After these a stream is begun again behind the last cursor.
const BROKEN = [grpc.status.UNAVAILABLE, grpc.status.INTERNAL, grpc.status.UNKNOWN];

const protos = process.argv[2] ?? "proto";
// The events' file imports all others.
const definition = protoLoader.loadSync("paylinks/v1/event_service.proto", {
  includeDirs: [protos],
  longs: String,
  enums: String,
  defaults: true,
});
const { v1 } = (grpc.loadPackageDefinition(definition) as unknown as ProtoGrpcType).paylinks;

const server = (process.env.PAYLINKS_SERVER ?? "127.0.0.1:50051").replace(/^http:\/\//, "");
const credentials = grpc.credentials.createInsecure();
const options = { "grpc.service_config": JSON.stringify(RETRIES) };
const invoices = new v1.InvoiceService(server, credentials, options);
const links = new v1.PaymentLinkService(server, credentials, options);
const events = new v1.EventService(server, credentials, options);

const metadata = new grpc.Metadata();
if (process.env.PAYLINKS_API_KEY) {
  metadata.set("authorization", `Bearer ${process.env.PAYLINKS_API_KEY}`);
}

/** A call as a promise, within half a minute. */
function answer<Answer>(start: (options: grpc.CallOptions, done: grpc.requestCallback<Answer>) => unknown): Promise<Answer> {
  const deadline = new Date(Date.now() + 30_000);
  return new Promise((resolve, reject) => {
    start({ deadline }, (error, answer) => (answer ? resolve(answer) : reject(error)));
  });
}

/** Follows the invoice's events from the first on, which may have come before this was called. */
async function waitUntilPaid(invoiceId: string): Promise<Invoice__Output> {
  for (let afterCursor = "0"; ; await setTimeout(1_000)) {
    try {
      const stream = events.streamEvents({ afterCursor, subjectId: invoiceId }, metadata);
      for await (const message of stream as AsyncIterable<StreamEventsResponse__Output>) {
        if (message.event) {
          console.log(message.event.cursor, message.event.type);
          if (message.event.type === "invoice.paid" && message.event.invoice) {
            stream.cancel();
            return message.event.invoice;
          }
        }
        afterCursor = message.cursor;
      }
    } catch (error) {
      if (!BROKEN.includes((error as grpc.ServiceError).code)) throw error;
    }
  }
}

const unitPrice = { minorUnits: "128700", currencyCode: "SEK" };
const priceData = { unitPrice, taxBehavior: "TAX_BEHAVIOR_EXCLUSIVE" } as const;
const line = { description: "Web hosting", quantity: 1, priceData, tax: { automatic: {} } };
const toBill = { requestId: randomUUID(), currencyCode: "SEK", lines: [line], finalize: true };
const { invoice } = await answer<CreateInvoiceResponse__Output>((options, done) =>
  invoices.createInvoice(toBill, metadata, options, done),
);
const invoiceId = invoice?.id ?? "";
const toPay = { requestId: randomUUID(), invoiceId };
const { paymentLink } = await answer<CreatePaymentLinkResponse__Output>((options, done) =>
  links.createPaymentLink(toPay, metadata, options, done),
);
console.log("pay at", paymentLink?.url);
const paid = await waitUntilPaid(invoiceId);
console.log(paid.number, "is paid:", paid.amountPaid?.minorUnits, "minor units of", paid.currencyCode);
for (const client of [invoices, links, events]) client.close();
