// Paying, and what comes of it at once: intents, charges, refunds, disputes, methods that are kept; and events.

import Stripe from 'stripe';
import { THANKS, check, equal, expanded, expect, invalid, item, missing, refused, type Bench } from './bench.js';

const { errors } = Stripe;

check('a link is paid with a promotion code, and its session tells all of it', async (bench) => {
  const link = await bench.stripe.paymentLinks.create({
    line_items: [item(4_000, 2)],
    metadata: { order: '7' },
    allow_promotion_codes: true,
  });
  const expand = [
    'payment_intent.payment_method',
    'payment_intent.latest_charge',
    'line_items',
    'discounts.promotion_code',
  ];
  const session = await bench.paid(link.url, expand, { promotion_code: 'fall-20', email: 'new@shop.example' });
  equal([session.status, session.payment_status, session.amount_total], ['complete', 'paid', 7_000], 'the session');
  equal([session.metadata, session.total_details?.amount_discount], [{ order: '7' }, 1_000], 'the session');
  const code = session.discounts?.[0].promotion_code;
  equal(expanded(code, 'the promotion code').code, 'FALL-20', 'the discount');
  const intent = expanded(session.payment_intent, 'the intent');
  const method = expanded(intent.payment_method, 'the method');
  const charge = expanded(intent.latest_charge, 'the charge');
  equal(
    [intent.status, method.card?.last4, charge.paid, charge.amount],
    ['succeeded', '4242', true, 7_000],
    'the payment',
  );
  equal((await bench.stripe.charges.retrieve(charge.id)).payment_intent, intent.id, 'the charge read');
  const charges = await bench.stripe.charges.list({ payment_intent: intent.id });
  equal(
    charges.data.map(({ id }) => id),
    [charge.id],
    'charges listed',
  );
  const found = await bench.stripe.checkout.sessions.list({ payment_intent: intent.id });
  equal(
    found.data.map(({ id }) => id),
    [session.id],
    'the session found by its intent',
  );
  const event = await bench.told('checkout.session.completed', session.id);
  expect(event.type === 'checkout.session.completed' && event.data.object.payment_status === 'paid', 'the snapshot');
  const read = await bench.stripe.events.retrieve(event.id);
  equal([read.type, read.api_version], ['checkout.session.completed', Stripe.API_VERSION], 'the event read');
});

check('a forged delivery is refused by the SDK', async (bench) => {
  const link = await bench.stripe.paymentLinks.create({ line_items: [item()] });
  const session = await bench.paid(link.url);
  const { body, signature } = await bench.receiver.waitFor('checkout.session.completed', session.id);
  const secret = bench.get('endpoint').secret!;
  const { webhooks } = bench.stripe;
  equal((await webhooks.constructEventAsync(body, signature, secret)).type, 'checkout.session.completed', 'the event');
  for (const [text, header, key] of [
    [body.replace('"paid"', '"free"'), signature, secret],
    [body, signature, `whsec_${'0'.repeat(32)}`],
    [body, signature.replace('t=', 't=1'), secret],
  ]) {
    await refused(errors.StripeSignatureVerificationError, {}, async () => webhooks.constructEvent(text, header, key));
  }
});

/** The intent of a link that was just paid. */
async function paid(bench: Bench, card: string, params: Partial<Stripe.PaymentLinkCreateParams> = {}) {
  const link = await bench.stripe.paymentLinks.create({ line_items: [item(8_000)], ...params });
  return expanded((await bench.paid(link.url, ['payment_intent'], { card })).payment_intent, 'the intent');
}

check('a payment is refunded in part, and then the rest', async (bench) => {
  const { refunds, charges } = bench.stripe;
  const payment_intent = (await paid(bench, '4242424242424242')).id;
  const part = await refunds.create({ payment_intent, amount: 3_000, reason: 'requested_by_customer' });
  equal([part.status, part.amount], ['succeeded', 3_000], 'the part');
  await invalid('amount', () => refunds.create({ payment_intent, amount: 5_001 }));
  const rest = await refunds.create({ payment_intent, metadata: { ticket: '7' } });
  equal(
    (await refunds.list({ payment_intent })).data.map(({ id }) => id),
    [rest.id, part.id],
    'refunds listed',
  );
  const read = await refunds.retrieve(rest.id, { expand: ['charge'] });
  const charge = expanded(read.charge, 'the charge');
  equal([charge.amount_refunded, charge.refunded], [8_000, true], 'the charge');
  equal((await refunds.update(rest.id, { metadata: { ticket: '8' } })).metadata, { ticket: '8' }, 'the metadata');
  await refused(errors.StripeInvalidRequestError, { code: 'charge_already_refunded' }, () =>
    refunds.create({ payment_intent }),
  );
  await bench.told('charge.refunded', charge.id, { refunded: true });
  equal((await charges.retrieve(charge.id)).refunded, true, 'the charge read');
});

check("a refund that is sent can't be cancelled", async (bench) => {
  const payment_intent = (await paid(bench, '4242424242424242')).id;
  const refund = await bench.stripe.refunds.create({ payment_intent });
  equal(refund.status, 'succeeded', 'the refund');
  const says = 'status of succeeded';
  await refused(errors.StripeInvalidRequestError, { statusCode: 400, says }, () =>
    bench.stripe.refunds.cancel(refund.id),
  );
});

check('a dispute is read, listed and given up', async (bench) => {
  const { disputes } = bench.stripe;
  const payment_intent = (await paid(bench, '4000000000000259')).id;
  const [dispute] = (await disputes.list({ payment_intent })).data;
  equal([dispute.amount, dispute.status, dispute.reason], [8_000, 'needs_response', 'fraudulent'], 'the dispute');
  await bench.told('charge.dispute.created', dispute.id);
  await refused(errors.StripeInvalidRequestError, { code: 'charge_disputed' }, () =>
    bench.stripe.refunds.create({ payment_intent }),
  );
  equal((await disputes.close(dispute.id)).status, 'lost', 'the dispute closed');
  equal((await disputes.retrieve(dispute.id)).status, 'lost', 'the dispute read');
  await bench.told('charge.dispute.closed', dispute.id, { status: 'lost' });
});

check('a payment that is held is captured in part, or let go', async (bench) => {
  const { paymentIntents } = bench.stripe;
  const held = { payment_intent_data: { capture_method: 'manual' as const } };
  const first = await paid(bench, '4242424242424242', held);
  equal([first.status, first.amount_capturable], ['requires_capture', 8_000], 'the intent');
  const captured = await paymentIntents.capture(first.id, { amount_to_capture: 5_000, metadata: { part: '1' } });
  equal(
    [captured.status, captured.amount_received, captured.metadata],
    ['succeeded', 5_000, { part: '1' }],
    'captured',
  );
  const second = await paid(bench, '4242424242424242', held);
  equal((await paymentIntents.cancel(second.id, { cancellation_reason: 'duplicate' })).status, 'canceled', 'let go');
  equal((await paymentIntents.retrieve(second.id)).cancellation_reason, 'duplicate', 'the intent read');
  await refused(errors.StripeInvalidRequestError, { code: 'payment_intent_unexpected_state' }, () =>
    paymentIntents.capture(second.id),
  );
});

check('a card that is declined is told on the intent', async (bench) => {
  const link = await bench.stripe.paymentLinks.create({ line_items: [item()] });
  equal((await bench.control('pay', { url: link.url, card: '4000000000009995' }))[0], 402, 'paying');
  const [intent] = (await bench.stripe.paymentIntents.list({ limit: 1 })).data;
  const error = intent.last_payment_error;
  equal(
    [intent.status, error?.code, error?.decline_code],
    ['requires_payment_method', 'card_declined', 'insufficient_funds'],
    'the intent',
  );
});

check('a method is set up, kept, listed and detached', async (bench) => {
  const { checkout, customers, paymentMethods, setupIntents } = bench.stripe;
  const customer = bench.get('customer').id;
  const session = await checkout.sessions.create({ mode: 'setup', currency: 'sek', customer, success_url: THANKS });
  const done = await bench.paid(session.url, ['setup_intent.payment_method']);
  const intent = expanded(done.setup_intent, 'the setup intent');
  const method = expanded(intent.payment_method, 'the method');
  equal([intent.status, method.customer, method.card?.brand], ['succeeded', customer, 'visa'], 'the setup intent');
  equal((await setupIntents.retrieve(intent.id)).payment_method, method.id, 'the setup intent read');
  equal(
    (await setupIntents.list({ customer })).data.map(({ id }) => id),
    [intent.id],
    'setup intents listed',
  );
  const kept: string[] = [];
  for await (const one of customers.listPaymentMethods(customer)) kept.push(one.id);
  equal(kept, [method.id], 'the methods kept');
  equal((await paymentMethods.detach(method.id)).customer, null, 'the method detached');
  equal((await paymentMethods.retrieve(method.id)).customer, null, 'the method read');
  await bench.told('payment_method.detached', method.id);
});

check('events are listed by type', async ({ stripe: { events } }) => {
  const kinds = new Set<string>();
  const types: Stripe.EventListParams['types'] = ['refund.created', 'charge.refunded'];
  for await (const event of events.list({ types })) kinds.add(event.type);
  equal([...kinds].sort(), ['charge.refunded', 'refund.created'], 'the types');
  await missing(() => events.retrieve('evt_none'));
});
