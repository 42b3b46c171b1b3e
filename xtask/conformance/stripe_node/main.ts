// Holds a Stripe double to what Stripe's own SDK for Node expects of Stripe.
//
//     node out/main.js http://127.0.0.1:12111
//
// The package `stripe` is used as it is published; nothing but the address is set, and requests are typed as it types
// them. Each check prints one line, `ok` or `FAIL`, and a closing line counts both. The exit code is 1 if a check failed,
// and 2 without a base address.
//
// Every run works under a key of its own, so that it starts from an empty account. Checks run in order, and later ones use
// what earlier ones made. Those that move the double's clock come last: it never goes back.

import { Bench, CHECKS, Receiver } from './bench.js';
// Each module registers its checks, which run in this order.
import './requests.js';
import './offers.js';
import './payments.js';
import './later.js';

async function run(base: string): Promise<number> {
  const receiver = await Receiver.start();
  const bench = new Bench(new URL(base), receiver);
  let failed = 0;
  for (const [name, check] of CHECKS) {
    try {
      await check(bench);
      console.log(`ok   ${name}`);
    } catch (error) {
      // Whatever goes wrong fails this check alone.
      failed += 1;
      const { constructor: kind, message } = error as Error;
      console.log(`FAIL ${name}: ${kind.name}: ${message}`);
    }
  }
  if (bench.made.endpoint) await bench.stripe.webhookEndpoints.del(bench.made.endpoint.id);
  receiver.close();
  console.log(`${CHECKS.length - failed} passed, ${failed} failed`);
  return failed;
}

const [base, ...more] = process.argv.slice(2);
if (base === undefined || more.length > 0) {
  console.error('usage: main.js BASE_URL');
  process.exit(2);
}
// At once: of an answer that broke off, the SDK keeps its timer for more than a minute.
process.exit((await run(base)) === 0 ? 0 : 1);
