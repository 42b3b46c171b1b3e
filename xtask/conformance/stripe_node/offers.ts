// What is sold, to whom, and for how much: products, prices, customers, coupons, promotion codes, shipping rates, links.

import Stripe from 'stripe';
import { DAY, THANKS, check, equal, expanded, expect, invalid, item, missing, monthly } from './bench.js';

check('a product is created, read, updated, listed and deleted', async ({ stripe: { products } }) => {
  const made = await products.create({ id: 'kettle', name: 'Kettle', metadata: { shelf: '3' } });
  equal(await products.retrieve('kettle'), made, 'the product read');
  const changed = await products.update('kettle', { description: 'By hand', metadata: { shelf: '' } });
  equal([changed.description, changed.metadata], ['By hand', {}], 'the product');
  equal(
    (await products.list({ ids: ['kettle'] })).data.map(({ id }) => id),
    ['kettle'],
    'products listed',
  );
  const gone = await products.create({ name: 'Gone' });
  equal((await products.del(gone.id)).deleted, true, 'deleted');
  await missing(() => products.retrieve(gone.id));
  await invalid('id', () => products.create({ id: 'kettle', name: 'Kettle' }), 'resource_already_exists');
});

check(
  'prices are flat, exact, tiered, in packages, chosen, recurring and in several currencies',
  async ({ stripe }) => {
    const { prices } = stripe;
    const of = (params: Partial<Stripe.PriceCreateParams>) =>
      prices.create({ currency: 'sek', product: 'kettle', ...params });
    const flat = await of({ unit_amount: 4_900, lookup_key: 'kettle' });
    equal([flat.unit_amount, flat.type, flat.active], [4_900, 'one_time', true], 'the flat price');
    const exact = await of({ unit_amount_decimal: Stripe.Decimal.from('12.345') });
    equal([exact.unit_amount, exact.unit_amount_decimal?.toString()], [null, '12.345'], 'the exact price');
    const tiers: Stripe.PriceCreateParams.Tier[] = [
      { up_to: 10, unit_amount: 500 },
      { up_to: 'inf', flat_amount: 900 },
    ];
    const tiered = await of({ billing_scheme: 'tiered', tiers_mode: 'graduated', tiers, expand: ['tiers'] });
    equal(
      tiered.tiers?.map((tier) => [tier.up_to, tier.unit_amount, tier.flat_amount]),
      [
        [10, 500, null],
        [null, null, 900],
      ],
      'the tiers',
    );
    equal((await prices.retrieve(tiered.id)).tiers, undefined, 'tiers told unasked');
    const packages = await of({ unit_amount: 1_000, transform_quantity: { divide_by: 5, round: 'up' } });
    equal(packages.transform_quantity, { divide_by: 5, round: 'up' }, 'the package');
    const chosen = await of({ custom_unit_amount: { enabled: true, minimum: 2_000, preset: 5_000 } });
    equal([chosen.custom_unit_amount?.minimum, chosen.custom_unit_amount?.preset], [2_000, 5_000], 'the bounds');
    const yearly = await of({ unit_amount: 99_000, recurring: { interval: 'year' } });
    equal([yearly.type, yearly.recurring?.interval_count], ['recurring', 1], 'the recurring price');
    const options = { eur: { unit_amount: 450 } };
    const several = await of({ unit_amount: 5_000, currency_options: options, expand: ['currency_options'] });
    equal(Object.keys(several.currency_options ?? {}).sort(), ['eur', 'sek'], 'the currencies');
    const changed = await prices.update(flat.id, { nickname: 'plain', active: false });
    equal([changed.nickname, changed.active], ['plain', false], 'the price updated');
    equal(
      (await prices.list({ lookup_keys: ['kettle'] })).data.map(({ id }) => id),
      [flat.id],
      'by lookup key',
    );
    equal((await prices.list({ product: 'kettle' }).autoPagingToArray({ limit: 100 })).length, 7, 'by product');
  },
);

check('a customer is created, read, updated, listed and deleted', async (bench) => {
  const { customers } = bench.stripe;
  const made = await customers.create({
    email: 'ada@shop.example',
    name: 'Ada',
    address: { country: 'SE', city: 'Umeå' },
  });
  bench.made.customer = made;
  equal(await customers.retrieve(made.id), made, 'the customer read');
  equal((await customers.update(made.id, { name: 'Ada L.' })).name, 'Ada L.', 'the name');
  equal(
    (await customers.list({ email: 'ada@shop.example' })).data.map(({ id }) => id),
    [made.id],
    'customers listed',
  );
  const gone = await customers.create({ email: 'gone@shop.example' });
  equal((await customers.del(gone.id)).deleted, true, 'deleted');
  equal((await customers.retrieve(gone.id)).deleted, true, 'told as deleted');
});

check('a coupon is created, read, updated, listed and deleted', async (bench) => {
  const { coupons } = bench.stripe;
  const made = await coupons.create({ id: 'FALL', percent_off: 12.5, max_redemptions: 3 });
  equal([made.percent_off, made.duration, made.valid], [12.5, 'once', true], 'the coupon');
  equal(await coupons.retrieve('FALL'), made, 'the coupon read');
  equal((await coupons.update('FALL', { name: 'Fall' })).name, 'Fall', 'the coupon updated');
  const amount = { amount_off: 500, currency: 'sek', currency_options: { eur: { amount_off: 45 } } };
  const other = await coupons.create({ ...amount, expand: ['currency_options'] });
  equal(Object.keys(other.currency_options ?? {}).sort(), ['eur', 'sek'], 'the currencies');
  equal(
    (await coupons.list()).data.map(({ id }) => id),
    [other.id, 'FALL'],
    'coupons listed',
  );
  equal((await coupons.del(other.id)).deleted, true, 'deleted');
  await bench.told('coupon.deleted', other.id);
});

check('a promotion code is created, listed by its code, and there once', async (bench) => {
  const { promotionCodes } = bench.stripe;
  const promotion: Stripe.PromotionCodeCreateParams.Promotion = { type: 'coupon', coupon: 'FALL' };
  const restrictions = { minimum_amount: 5_000, minimum_amount_currency: 'sek', first_time_transaction: true };
  const made = await promotionCodes.create({
    promotion,
    code: 'FALL-20',
    restrictions,
    expires_at: (await bench.now()) + DAY,
  });
  equal([made.promotion.coupon, made.restrictions.minimum_amount, made.active], ['FALL', 5_000, true], 'the code');
  await invalid('code', () => promotionCodes.create({ promotion, code: 'fall-20' }));
  const [found] = (await promotionCodes.list({ code: 'fall-20', expand: ['data.promotion.coupon'] })).data;
  equal([found.id, expanded(found.promotion.coupon, 'the coupon').percent_off], [made.id, 12.5], 'by code');
  const idle = await promotionCodes.create({ promotion, active: false });
  equal((await promotionCodes.update(idle.id, { metadata: { a: '1' } })).metadata, { a: '1' }, 'the metadata');
  equal((await promotionCodes.retrieve(idle.id)).active, false, 'the code read');
});

check('a shipping rate is created, read, updated and listed', async ({ stripe: { shippingRates } }) => {
  const fixed_amount = { amount: 4_900, currency: 'sek' };
  const made = await shippingRates.create({ display_name: 'By post', type: 'fixed_amount', fixed_amount });
  equal([made.fixed_amount?.amount, made.active], [4_900, true], 'the rate');
  equal(await shippingRates.retrieve(made.id), made, 'the rate read');
  equal((await shippingRates.update(made.id, { active: false })).active, false, 'the rate updated');
  equal(
    (await shippingRates.list({ active: false })).data.map(({ id }) => id),
    [made.id],
    'rates listed',
  );
  await invalid('fixed_amount[currency]', () =>
    shippingRates.create({ display_name: 'By post', fixed_amount: { amount: 1, currency: 'xxx' } }),
  );
});

check('a link is created, read, updated and cleared', async (bench) => {
  const { paymentLinks } = bench.stripe;
  const made = await paymentLinks.create({
    line_items: [item(5_000, 2), item(1_250)],
    metadata: { order: '1', shop: 'Söder' },
    inactive_message: 'It is over.',
    restrictions: { completed_sessions: { limit: 5 } },
    custom_fields: [{ key: 'size', type: 'text', label: { type: 'custom', custom: 'Size' }, optional: true }],
  });
  equal([made.active, made.currency, made.metadata], [true, 'sek', { order: '1', shop: 'Söder' }], 'the link');
  equal(await paymentLinks.retrieve(made.id), made, 'the link read');
  const changed = await paymentLinks.update(made.id, {
    inactive_message: '',
    restrictions: '',
    custom_fields: '',
    metadata: { shop: '' },
    after_completion: { type: 'redirect', redirect: { url: 'https://shop.example/thanks' } },
  });
  equal([changed.inactive_message, changed.restrictions, changed.custom_fields], [null, null, []], 'what was cleared');
  equal(
    [changed.metadata, changed.after_completion.redirect?.url],
    [{ order: '1' }, 'https://shop.example/thanks'],
    'the rest',
  );
  const lines = await paymentLinks.listLineItems(made.id, { limit: 1 }).autoPagingToArray({ limit: 10 });
  equal(
    lines.map((line) => line.amount_total),
    [10_000, 1_250],
    'the line items',
  );
  const [first] = lines;
  await paymentLinks.update(made.id, { line_items: [{ id: first.id, quantity: 3 }] });
  equal((await paymentLinks.listLineItems(made.id)).data[0].quantity, 3, 'the quantity');
  equal((await paymentLinks.update(made.id, { active: false })).active, false, 'active');
  const closed = await paymentLinks.list({ active: false });
  equal(
    closed.data.map(({ id }) => id),
    [made.id],
    'links that are closed',
  );
  equal((await bench.control('pay', { url: made.url }))[0], 410, 'paying at a closed link');
  const event = await bench.told('payment_link.updated', made.id, { active: false });
  expect(event.type === 'payment_link.updated' && event.data.object.url === made.url, 'the snapshot');
});

check('a session is created, read, listed and expired in each mode', async (bench) => {
  const { sessions } = bench.stripe.checkout;
  const success_url = THANKS;
  const customer = bench.get('customer').id;
  const payment = await sessions.create({ mode: 'payment', line_items: [item(2_500, 2)], success_url, customer });
  equal([payment.status, payment.payment_status, payment.amount_total], ['open', 'unpaid', 5_000], 'one payment');
  const lines = await sessions.listLineItems(payment.id);
  equal(
    lines.data.map((line) => [line.quantity, line.amount_total]),
    [[2, 5_000]],
    'the line items',
  );
  const recurring = await sessions.create({ mode: 'subscription', line_items: [monthly()], success_url });
  equal([recurring.mode, recurring.amount_total], ['subscription', 9_900], 'a subscription');
  const setup = await sessions.create({ mode: 'setup', currency: 'sek', success_url });
  equal([setup.mode, setup.amount_total], ['setup', null], 'setting up');
  const discounts = [{ coupon: 'FALL' }];
  const cheap = await sessions.create({ mode: 'payment', line_items: [item(10_000)], success_url, discounts });
  equal([cheap.total_details?.amount_discount, cheap.amount_total], [1_250, 8_750], 'a coupon');
  const expired = await sessions.expire(payment.id);
  equal([expired.status, expired.url], ['expired', null], 'the session expired');
  equal(
    (await sessions.list({ customer, status: 'expired' })).data.map(({ id }) => id),
    [payment.id],
    'sessions listed',
  );
  await bench.told('checkout.session.expired', payment.id);
  await invalid('mode', () => sessions.create({ mode: 'payment', line_items: [monthly()], success_url }));
});

check('a tax calculation adds up, and is read again with its lines', async ({ stripe: { tax } }) => {
  const details: Stripe.Tax.CalculationCreateParams.CustomerDetails = {
    address: { country: 'SE' },
    address_source: 'billing',
  };
  const made = await tax.calculations.create({
    currency: 'sek',
    line_items: [
      { amount: 10_000, reference: 'hosting', tax_code: 'txcd_10101000' },
      { amount: 12_500, reference: 'book', tax_behavior: 'inclusive' },
    ],
    shipping_cost: { amount: 400 },
    customer_details: details,
    expand: ['line_items', 'line_items.data.tax_breakdown'],
  });
  equal([made.amount_total, made.tax_amount_exclusive, made.tax_amount_inclusive], [25_500, 2_600, 2_500], 'the sums');
  const lines = made.line_items?.data ?? [];
  equal(
    lines.map(({ reference, amount_tax }) => [reference, amount_tax]),
    [
      ['hosting', 2_500],
      ['book', 2_500],
    ],
    'the lines',
  );
  const part = lines[0]?.tax_breakdown?.[0];
  equal(
    [part?.jurisdiction.country, part?.tax_rate_details?.percentage_decimal, part?.taxability_reason],
    ['SE', '25.0', 'standard_rated'],
    'the tax of a line',
  );
  const id = made.id ?? '';
  equal((await tax.calculations.retrieve(id)).amount_total, made.amount_total, 'the calculation read');
  const all = await tax.calculations.listLineItems(id, { limit: 1 }).autoPagingToArray({ limit: 10 });
  equal(
    all.map((line) => line.id),
    lines.map((line) => line.id),
    'the lines page by page',
  );
  const germany = { ...details, address: { country: 'DE' } };
  const business = { ...germany, tax_ids: [{ type: 'eu_vat' as const, value: 'DE136695976' }] };
  for (const [who, due] of [
    [germany, 1_900],
    [business, 0],
  ] as const) {
    const one = { currency: 'eur', line_items: [{ amount: 10_000 }], customer_details: who };
    equal((await tax.calculations.create(one)).tax_amount_exclusive, due, 'the tax');
  }
  const unlocated = { ...details, address: { country: 'US' } };
  const nowhere = { currency: 'eur', line_items: [{ amount: 1 }], customer_details: unlocated };
  await invalid('customer_details[address]', () => tax.calculations.create(nowhere), 'customer_tax_location_invalid');
});
