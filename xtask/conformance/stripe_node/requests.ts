// How requests are sent and answered: versions, refusals, pages, expansion, idempotency and retries.

import { randomBytes } from 'node:crypto';
import Stripe from 'stripe';
import { check, equal, expanded, expect, invalid, item, missing, refused, type Bench } from './bench.js';

const LINKS = 120;
const CREATE = 'POST /v1/payment_links';
const { errors } = Stripe;

check('the SDK speaks the version that is served', async ({ stripe }) => {
  const answer = await stripe.paymentLinks.list();
  equal(answer.lastResponse.apiVersion, Stripe.API_VERSION, 'the version');
  expect(answer.lastResponse.requestId, 'no Request-Id');
});

check('a key that is none, and a live one, are refused', async (bench) => {
  for (const key of ['not_a_key', `sk_live_${'0'.repeat(24)}`]) {
    const client = bench.client({}, key);
    await refused(errors.StripeAuthenticationError, { statusCode: 401 }, () => client.customers.list());
  }
});

check('parameters that do not fit are refused by their path', async ({ stripe }) => {
  const create = stripe.paymentLinks.create.bind(stripe.paymentLinks);
  await invalid('line_items', () => create({} as Stripe.PaymentLinkCreateParams), 'parameter_missing');
  // @ts-expect-error: the SDK's types refuse it, too
  await invalid('colour', () => create({ line_items: [item()], colour: 'red' }), 'parameter_unknown');
  const red = { ...item(), colour: 'red' };
  await invalid('line_items[0][colour]', () => create({ line_items: [red] }), 'parameter_unknown');
  // The SDK's types leave room for values that come later.
  await invalid('submit_type', () => create({ line_items: [item()], submit_type: 'steal' }));
  const small = await refused(errors.StripeInvalidRequestError, { code: 'amount_too_small' }, () =>
    create({ line_items: [item(299)] }),
  );
  equal([small.rawType, typeof small.requestId], ['invalid_request_error', 'string'], 'the error');
  expect(small.doc_url, 'the error has no address of its documentation');
});

check('an object that is not there is a 404', async ({ stripe }) => {
  for (const resource of [stripe.paymentLinks, stripe.checkout.sessions, stripe.customers, stripe.subscriptions]) {
    await missing(() => resource.retrieve('none_such'));
  }
});

check('a webhook endpoint is registered and tells its secret once', async (bench) => {
  const { webhookEndpoints } = bench.stripe;
  const made = await webhookEndpoints.create({ url: bench.receiver.url, enabled_events: ['*'] });
  bench.made.endpoint = made;
  expect(made.secret?.startsWith('whsec_'), `the secret: ${made.secret}`);
  equal((await webhookEndpoints.retrieve(made.id)).secret, undefined, 'the secret told again');
  const other = await webhookEndpoints.create({ url: `${bench.receiver.url}/other`, enabled_events: ['invoice.paid'] });
  const changed = await webhookEndpoints.update(other.id, { disabled: true, enabled_events: ['refund.created'] });
  equal([changed.status, changed.enabled_events], ['disabled', ['refund.created']], 'the endpoint');
  equal((await webhookEndpoints.list()).data.length, 2, 'endpoints listed');
  equal((await webhookEndpoints.del(other.id)).deleted, true, 'deleted');
});

check('links are paged by iteration, newest first, each once', async (bench) => {
  const { paymentLinks, prices } = bench.stripe;
  const price = await prices.create({ currency: 'sek', unit_amount: 5_000, product_data: { name: 'Coffee beans' } });
  const made: string[] = [];
  for (let n = 0; n < LINKS; n += 1) {
    made.unshift((await paymentLinks.create({ line_items: [{ price: price.id, quantity: 1 }] })).id);
  }
  bench.made.links = made;
  const listed: string[] = [];
  for await (const link of paymentLinks.list({ limit: 50 })) listed.push(link.id);
  equal(listed, made, 'the links');
  const first = await paymentLinks.list({ limit: 25 }).autoPagingToArray({ limit: 60 });
  equal(
    first.map((link) => link.id),
    made.slice(0, 60),
    'the first sixty',
  );
  const before: string[] = [];
  for await (const link of paymentLinks.list({ limit: 5, ending_before: made[12] })) before.push(link.id);
  equal(before, made.slice(0, 12).reverse(), 'those before one');
  await invalid('limit', async () => paymentLinks.list({ limit: 101 }));
});

check('what is named is expanded, on one object and on a list', async (bench) => {
  const { paymentLinks, prices } = bench.stripe;
  const link = await paymentLinks.retrieve(bench.get('links')[0], { expand: ['line_items.data.price.product'] });
  const price = link.line_items?.data[0].price;
  equal((expanded(price?.product, 'the product') as Stripe.Product).name, 'Coffee beans', 'the product');
  const listed = await prices.list({ limit: 1, expand: ['data.product'] });
  equal((expanded(listed.data[0].product, 'the product') as Stripe.Product).object, 'product', 'the product');
  await invalid('expand', () => paymentLinks.retrieve(link.id, { expand: ['url'] }));
});

check('an idempotency key answers the same, and refuses other parameters', async ({ stripe }) => {
  const idempotencyKey = randomBytes(16).toString('hex');
  const params: Stripe.PaymentLinkCreateParams = { line_items: [item()], metadata: { order: '1' } };
  const first = await stripe.paymentLinks.create(params, { idempotencyKey });
  const again = await stripe.paymentLinks.create(params, { idempotencyKey });
  equal([again.id, again.lastResponse.headers['idempotent-replayed']], [first.id, 'true'], 'the second answer');
  equal(again.lastResponse.idempotencyKey, idempotencyKey, 'the key told');
  await refused(errors.StripeIdempotencyError, { statusCode: 400 }, () =>
    stripe.paymentLinks.create({ line_items: [item(6_000)] }, { idempotencyKey }),
  );
});

/** Creates a link with retries through a fault; answers how often it was tried and executed, and the link. */
async function throughFault(bench: Bench, fault: Record<string, unknown>, maxNetworkRetries = 2) {
  const key = `sk_test_${randomBytes(12).toString('hex')}`;
  const client = bench.client({ maxNetworkRetries }, key);
  const keys: (string | undefined)[] = [];
  client.on('request', ({ idempotency_key }: { idempotency_key?: string }) => keys.push(idempotency_key));
  const before = await bench.executed(CREATE);
  await bench.fault(CREATE, fault);
  const link = await client.paymentLinks.create({ line_items: [item()] });
  const [, rest] = await bench.control('faults');
  equal(rest, [], 'faults left');
  equal(new Set(keys).size, 1, 'idempotency keys');
  equal(
    (await client.paymentLinks.list()).data.map(({ id }) => id),
    [link.id],
    'the links there',
  );
  return { executed: (await bench.executed(CREATE)) - before, link };
}

check('a server that is not available is tried again', async (bench) => {
  const { executed, link } = await throughFault(bench, { kind: 'status', status: 503, times: 2 });
  equal([executed, link.lastResponse.headers['idempotent-replayed']], [1, undefined], 'executions');
});

check('an answer that was lost is asked for again, and nothing is done twice', async (bench) => {
  for (const fault of [{ kind: 'status', status: 500, after_execution: true }, { kind: 'reset_after' }]) {
    const { executed, link } = await throughFault(bench, fault);
    equal([executed, link.lastResponse.headers['idempotent-replayed']], [1, 'true'], `executions after ${fault.kind}`);
  }
});

check('a connection that breaks before anything is done is tried again', async (bench) => {
  equal((await throughFault(bench, { kind: 'reset_before' })).executed, 1, 'executions');
});

check('a header says that no retry helps, or that one does', async (bench) => {
  const { stripe } = bench;
  const retrying = bench.client({ maxNetworkRetries: 2 });
  await bench.fault(CREATE, { kind: 'status', status: 503, should_retry: false });
  const create = () => retrying.paymentLinks.create({ line_items: [item()] });
  await refused(errors.StripeAPIError, { statusCode: 503 }, create);
  equal((await throughFault(bench, { kind: 'status', status: 400, should_retry: true })).executed, 1, 'executions');
  await bench.fault('GET /v1/customers', { kind: 'status', status: 429 });
  await refused(errors.StripeRateLimitError, { statusCode: 429 }, async () => stripe.customers.list());
});

check('an answer that is no JSON is an error', async (bench) => {
  await bench.fault('GET /v1/customers', { kind: 'garbage' });
  await refused(errors.StripeAPIError, {}, async () => bench.stripe.customers.list());
});

check('another key sees nothing of this account', async (bench) => {
  const other = bench.client();
  equal((await other.paymentLinks.list()).data, [], 'links of another account');
  await missing(() => other.paymentLinks.retrieve(bench.get('links')[0]));
});
