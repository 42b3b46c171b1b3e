// What the checks share: expectations, the receiver of webhooks, the customer and the clock that a test plays.

import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual, inspect } from 'node:util';
import Stripe from 'stripe';

const WEBHOOK_TIMEOUT_MS = 15_000;
export const DAY = 24 * 60 * 60;
export const THANKS = 'https://shop.example/thanks?session={CHECKOUT_SESSION_ID}';

/** What came back is not what Stripe answers. */
export class Mismatch extends Error {}

export function expect(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Mismatch(message);
}

/** As JSON has them, so that what the SDK adds to an object beside does not count. */
export function equal(actual: unknown, wanted: unknown, what: string): void {
  const plain = (value: unknown) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));
  const [a, w] = [plain(actual), plain(wanted)];
  expect(isDeepStrictEqual(a, w), `${what}: ${inspect(a)}, not ${inspect(w)}`);
}

type ErrorClass = new (...args: never[]) => Stripe.errors.StripeError;

/** Expects the SDK to throw an error of this class, with this much said in it; `says` is for those without code and parameter. */
export async function refused(
  kind: ErrorClass,
  wanted: { statusCode?: number; code?: string; param?: string; says?: string },
  call: () => Promise<unknown>,
): Promise<Stripe.errors.StripeError> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeError)) throw error;
    equal(error.constructor.name, kind.name, `the error (${error.message})`);
    for (const name of ['statusCode', 'code', 'param'] as const) {
      if (wanted[name] !== undefined) equal(error[name], wanted[name], `its ${name}`);
    }
    expect(error.message, 'the error has no message');
    expect(error.message.includes(wanted.says ?? ''), `its message: ${error.message}, not ${wanted.says}`);
    return error;
  }
  throw new Mismatch(`not refused; ${kind.name} was due`);
}

/** Expects a request that is refused for a parameter. */
export const invalid = (param: string, call: () => Promise<unknown>, code?: string) =>
  refused(Stripe.errors.StripeInvalidRequestError, { statusCode: 400, param, code }, call);

/** Expects an object that is not there. */
export const missing = (call: () => Promise<unknown>) =>
  refused(Stripe.errors.StripeInvalidRequestError, { statusCode: 404, code: 'resource_missing' }, call);

type PriceData = Stripe.PaymentLinkCreateParams.LineItem.PriceData;

/** A line item with an inline price. */
export function item(amount = 5_000, quantity = 1, price: Partial<PriceData> = {}) {
  const data: PriceData = { currency: 'sek', unit_amount: amount, product_data: { name: 'Coffee beans' }, ...price };
  return { price_data: data, quantity };
}

/** A line item that is paid each month. */
export const monthly = (amount = 9_900, price: Partial<PriceData> = {}) =>
  item(amount, 1, { recurring: { interval: 'month' }, ...price });

/** An object that was asked to be expanded. */
export function expanded<T extends { id: string }>(value: string | T | null | undefined, what: string): T {
  expect(value && typeof value !== 'string', `${what} is not expanded: ${inspect(value)}`);
  return value;
}

interface Letter {
  body: string;
  signature: string;
  event: { type: string; data: { object: Record<string, unknown> } };
}

/** Takes webhooks on loopback, in whatever order they come. */
export class Receiver {
  private letters: Letter[] = [];
  private came: () => void = () => {};

  private constructor(private server: Server) {}

  static async start(): Promise<Receiver> {
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const body = Buffer.concat(parts).toString();
        receiver.letters.push({
          body,
          signature: String(request.headers['stripe-signature']),
          event: JSON.parse(body),
        });
        receiver.came();
        response.end();
      });
    });
    const receiver = new Receiver(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/webhooks`;
  }

  /** A letter of this kind, on this object with these fields, that was not waited for before. */
  async waitFor(kind: string, id: string, fields: Record<string, unknown> = {}): Promise<Letter> {
    const fits = ({ event }: Letter) => {
      const told = event.data.object;
      return event.type === kind && told.id === id && Object.entries(fields).every(([name, is]) => told[name] === is);
    };
    const deadline = Date.now() + WEBHOOK_TIMEOUT_MS;
    for (;;) {
      const index = this.letters.findIndex(fits);
      if (index >= 0) return this.letters.splice(index, 1)[0];
      const left = deadline - Date.now();
      expect(left > 0, `no webhook ${kind} on ${id} within ${WEBHOOK_TIMEOUT_MS} ms`);
      await Promise.race([new Promise<void>((resolve) => (this.came = resolve)), sleep(Math.min(left, 250))]);
    }
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

/** What the checks share. */
export class Bench {
  readonly stripe: Stripe;
  /** What earlier checks made. */
  made: { endpoint?: Stripe.WebhookEndpoint; customer?: Stripe.Customer; links?: string[] } = {};

  constructor(
    readonly base: URL,
    readonly receiver: Receiver,
  ) {
    this.stripe = this.client();
  }

  /** A client of the account of a key, of a new one where none is named. */
  client(config: Partial<Stripe.StripeConfig> = {}, key = `sk_test_${randomBytes(12).toString('hex')}`): Stripe {
    const { hostname: host, port } = this.base;
    return new Stripe(key, { host, port, protocol: 'http', telemetry: false, maxNetworkRetries: 0, ...config });
  }

  get<Name extends keyof Bench['made']>(name: Name): NonNullable<Bench['made'][Name]> {
    const made = this.made[name];
    expect(made, `an earlier check did not make the ${name}`);
    return made;
  }

  /** What a test does beside the API: the status and the answer. */
  async control(path: string, body?: unknown): Promise<[number, any]> {
    const headers = { 'content-type': 'application/json' };
    const posted = body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) };
    const answer = await fetch(new URL(`/_sandbox/${path}`, this.base), posted);
    const text = await answer.text();
    return [answer.status, text === '' ? null : JSON.parse(text)];
  }

  /** What goes wrong with the next calls of an operation. */
  async fault(operation: string, fault: Record<string, unknown>): Promise<void> {
    const [status] = await this.control('faults', [{ operation, ...fault }]);
    equal(status, 204, 'the fault');
  }

  /** How often an operation was executed. */
  async executed(operation: string): Promise<number> {
    return (await this.control('requests'))[1][operation] ?? 0;
  }

  /** The time by the double's clock, in seconds since the Unix epoch. */
  async now(): Promise<number> {
    return (await this.control('clock'))[1].now;
  }

  /** Lets time pass. What was told before arrives before, as it would in real time. */
  async advance(seconds: number): Promise<void> {
    const deadline = Date.now() + WEBHOOK_TIMEOUT_MS;
    for (;;) {
      const { pending } = (await this.control('webhooks/pending'))[1];
      if (pending === 0) break;
      expect(Date.now() < deadline, `${pending} webhooks are still under way`);
      await sleep(20);
    }
    equal((await this.control('clock', { advance_seconds: seconds }))[0], 200, 'moving the clock');
  }

  /** Pays at a link or session as a customer would, and reads the session. */
  async paid(url: string | null, expand: string[] = [], entered: Record<string, unknown> = {}) {
    const [status, answer] = await this.control('pay', { url, ...entered });
    equal([status, answer.error], [200, undefined], 'paying');
    return this.stripe.checkout.sessions.retrieve(answer.session, { expand });
  }

  /** Waits for a webhook, has the SDK verify it, and answers it. */
  async told(kind: Stripe.Event['type'], id: string, fields: Record<string, unknown> = {}): Promise<Stripe.Event> {
    const { body, signature } = await this.receiver.waitFor(kind, id, fields);
    const event = this.stripe.webhooks.constructEvent(body, signature, this.get('endpoint').secret!);
    equal([event.object, event.type], ['event', kind], 'the event');
    return event;
  }
}

export type Check = (bench: Bench) => Promise<void>;
export const CHECKS: [string, Check][] = [];

/** Registers a check under the name that its line shows. */
export function check(name: string, run: Check): void {
  CHECKS.push([name, run]);
}
