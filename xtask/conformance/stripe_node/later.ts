// What comes later, by the double's clock: debits, transfers, and subscriptions with their invoices.

import Stripe from 'stripe';
import {
  DAY,
  THANKS,
  check,
  equal,
  expanded,
  expect,
  invalid,
  item,
  missing,
  monthly,
  type Bench,
} from './bench.js';

async function debited(bench: Bench, account?: string) {
  const line_items = [item(2_500, 1, { currency: 'eur' })];
  const link = await bench.stripe.paymentLinks.create({ line_items, payment_method_types: ['sepa_debit'] });
  const session = await bench.paid(link.url, ['payment_intent'], account === undefined ? {} : { account });
  const intent = expanded(session.payment_intent, 'the intent');
  equal([session.status, session.payment_status, intent.status], ['complete', 'unpaid', 'processing'], 'the session');
  await bench.advance(14 * DAY);
  return bench.stripe.checkout.sessions.retrieve(session.id, { expand: ['payment_intent'] });
}

check('a debit is paid when the bank has answered', async (bench) => {
  const session = await debited(bench);
  equal(
    [session.payment_status, expanded(session.payment_intent, 'the intent').status],
    ['paid', 'succeeded'],
    'the session',
  );
  await bench.told('checkout.session.async_payment_succeeded', session.id, { payment_status: 'paid' });
});

check('a debit fails when the bank has answered', async (bench) => {
  const session = await debited(bench, 'AT611904300234570000');
  equal(
    [session.payment_status, expanded(session.payment_intent, 'the intent').status],
    ['unpaid', 'requires_payment_method'],
    'the session',
  );
  await bench.told('checkout.session.async_payment_failed', session.id, { payment_status: 'unpaid' });
});

check('a bank transfer arrives days later', async (bench) => {
  const { checkout, customers, testHelpers } = bench.stripe;
  const customer = (await customers.create({ email: 'bank@shop.example' })).id;
  const params: Stripe.Checkout.SessionCreateParams = {
    mode: 'payment',
    line_items: [item(9_000, 1, { currency: 'eur' })],
    customer,
    allowed_payment_method_types: ['customer_balance'],
    success_url: THANKS,
  };
  await invalid('payment_method_options[customer_balance][funding_type]', () => checkout.sessions.create(params));
  const bank_transfer = { type: 'eu_bank_transfer' as const, eu_bank_transfer: { country: 'FR' as const } };
  const session = await checkout.sessions.create({
    ...params,
    payment_method_options: { customer_balance: { funding_type: 'bank_transfer', bank_transfer } },
  });
  const waiting = expanded((await bench.paid(session.url, ['payment_intent'])).payment_intent, 'the intent');
  const told = waiting.next_action?.display_bank_transfer_instructions;
  equal([waiting.status, told?.amount_remaining], ['requires_action', 9_000], 'the intent');
  await bench.advance(2 * DAY);
  const funded = await testHelpers.customers.fundCashBalance(customer, { amount: 9_000, currency: 'eur' });
  equal([funded.type, funded.net_amount], ['funded', 9_000], 'the money');
  equal((await checkout.sessions.retrieve(session.id)).payment_status, 'paid', 'the session');
  await bench.told('checkout.session.async_payment_succeeded', session.id);
});

/** The subscription of a recurring link that was just paid. */
async function subscribed(bench: Bench, params: Partial<Stripe.PaymentLinkCreateParams> = {}) {
  const link = await bench.stripe.paymentLinks.create({ line_items: [monthly()], ...params });
  return expanded((await bench.paid(link.url, ['subscription.latest_invoice'])).subscription, 'the subscription');
}

const periodEnd = (subscription: Stripe.Subscription) => subscription.items.data[0].current_period_end;

check('a subscription is made, updated, renewed and ends with its period', async (bench) => {
  const { invoices, subscriptions } = bench.stripe;
  const made = await subscribed(bench, { subscription_data: { metadata: { plan: 'beans' } } });
  const first = expanded(made.latest_invoice, 'the invoice');
  equal(
    [made.status, made.metadata, first.status, first.total],
    ['active', { plan: 'beans' }, 'paid', 9_900],
    'the subscription',
  );
  equal((await invoices.retrieve(first.id)).billing_reason, 'subscription_create', 'the invoice read');
  const lines = await invoices.listLineItems(first.id).autoPagingToArray({ limit: 10 });
  equal(
    lines.map((line) => line.amount),
    [9_900],
    'its lines',
  );
  await bench.told('invoice.paid', first.id, { status: 'paid' });
  const customer = String(made.customer);
  equal(
    (await subscriptions.list({ customer })).data.map(({ id }) => id),
    [made.id],
    'subscriptions listed',
  );

  await bench.advance(periodEnd(made) - (await bench.now()) + 6 * DAY);
  const renewed = await subscriptions.retrieve(made.id, { expand: ['latest_invoice'] });
  const second = expanded(renewed.latest_invoice, 'the invoice');
  equal(
    [renewed.status, second.billing_reason, second.status],
    ['active', 'subscription_cycle', 'paid'],
    'the renewal',
  );
  const billed = await invoices.list({ subscription: made.id }).autoPagingToArray({ limit: 10 });
  equal(
    billed.map(({ id }) => id),
    [second.id, first.id],
    'invoices listed',
  );
  await bench.told('invoice.paid', second.id);

  const ending = await subscriptions.update(made.id, { cancel_at_period_end: true, metadata: { plan: '' } });
  equal(
    [ending.status, ending.cancel_at, ending.metadata],
    ['active', periodEnd(renewed), {}],
    'the subscription ending',
  );
  await bench.advance(periodEnd(renewed) - (await bench.now()) + 60);
  equal((await subscriptions.retrieve(made.id)).status, 'canceled', 'the subscription ended');
  const event = await bench.told('customer.subscription.deleted', made.id);
  expect(
    event.type === 'customer.subscription.deleted' && event.data.object.ended_at === periodEnd(renewed),
    'the snapshot',
  );
});

check('a subscription is cancelled at once', async (bench) => {
  const { subscriptions } = bench.stripe;
  const made = await subscribed(bench, { subscription_data: { trial_period_days: 7 } });
  equal([made.status, expanded(made.latest_invoice, 'the invoice').total], ['trialing', 0], 'the subscription');
  const gone = await subscriptions.cancel(made.id, { cancellation_details: { feedback: 'unused' } });
  equal([gone.status, gone.cancellation_details?.feedback], ['canceled', 'unused'], 'the subscription cancelled');
  await missing(() => subscriptions.cancel(made.id));
  equal((await subscriptions.update(made.id, { metadata: { left: '1' } })).metadata, { left: '1' }, 'the metadata');
  await invalid('cancel_at_period_end', () => subscriptions.update(made.id, { cancel_at_period_end: true }));
});
