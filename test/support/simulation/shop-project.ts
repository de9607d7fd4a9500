import type { JobDefinition } from '../../../src/protocol/build/job.js';
import type { ListedAtom } from '../../../src/protocol/slave/slave-messages.js';
import { logNormal, randomOf } from '../seeded-random.js';
import { consoleOfE2e, consoleOfUnitTest, type Fault } from './shop-output.js';
import type { SimulatedAtom } from './simulated-atom.js';

/*
 * The project of the example: a shop with services in a repository, unit tests of each, and tests in a browser.
 */

const SERVICES: Readonly<Record<string, readonly string[]>> = {
  accounts: [
    'address-book',
    'login',
    'password-reset',
    'permissions',
    'profile',
    'sessions',
    'signup',
    'two-factor',
  ],
  cart: [
    'coupons',
    'currency',
    'line-items',
    'merge-carts',
    'persistence',
    'quantity',
    'shipping',
    'tax',
    'totals',
  ],
  catalog: [
    'categories',
    'import',
    'inventory',
    'pictures',
    'prices',
    'recommendations',
    'search-index',
    'variants',
  ],
  checkout: [
    'address-form',
    'confirmation',
    'guest',
    'invoice',
    'order-number',
    'payment-step',
    'summary',
    'webhook',
  ],
  payment: [
    'card',
    'dispute',
    'fraud-rules',
    'idempotency',
    'ledger',
    'refund',
    'retry-policy',
    'bank-transfer',
    'settlement',
  ],
  shipping: ['carriers', 'labels', 'parcel-size', 'pickup-points', 'returns', 'tracking', 'weights', 'zones'],
};

const SPECS = [
  'browse-catalog',
  'cancel-order',
  'change-password',
  'checkout-as-guest',
  'checkout-with-coupon',
  'compare-products',
  'filter-search-results',
  'keyboard-only',
  'login',
  'order-history',
  'pay-by-card',
  'pay-by-invoice',
  'product-pictures',
  'return-parcel',
  'save-for-later',
  'sign-up',
  'switch-currency',
  'track-parcel',
] as const;

export const unitTests: JobDefinition = {
  setup_build: ['npm ci'],
  atomizers: [{ TEST_FILE: 'find "$PROJECT_DIR"/services -name "*.test.ts" | sort' }],
  commands: ['npx vitest run "$TEST_FILE"'],
  retries: 1,
};
export const endToEnd: JobDefinition = {
  setup_build: ['npm ci', 'npm run build'],
  atomizers: [{ SPEC: 'ls e2e' }],
  commands: ['npx playwright test "e2e/$SPEC" --output "$ARTIFACT_DIR"'],
  retries: 1,
  max_executors: 6,
};

export const unitTestAtoms: readonly ListedAtom[] = Object.entries(SERVICES).flatMap(([service, names]) =>
  names.map((name) => ({
    variable: 'TEST_FILE',
    value: `$PROJECT_DIR/services/${service}/test/${name}.test.ts`,
  })),
);
export const endToEndAtoms: readonly ListedAtom[] = SPECS.map((spec) => ({
  variable: 'SPEC',
  value: `${spec}.spec.ts`,
}));

/** How a test behaves in some build. */
export interface ShopState {
  readonly seed: number;
  /** Faults of this commit, by a part of the atom's value. */
  readonly faults: Readonly<Record<string, Fault>>;
  /** How many times slower the commit makes some tests, by a part of the atom's value. */
  readonly slower: Readonly<Record<string, number>>;
}

/** Fail now and then, and pass when they run again: share of first runs that fail. */
const FLAKY: Readonly<Record<string, { readonly share: number; readonly fault: Fault }>> = {
  'payment/test/webhook': { share: 0.2, fault: 'timeout' },
  'payment/test/retry-policy': { share: 0.25, fault: 'timeout' },
  'catalog/test/search-index': { share: 0.12, fault: 'connection' },
  'checkout-with-coupon': { share: 0.2, fault: 'locator' },
  'track-parcel': { share: 0.1, fault: 'locator' },
};

/** A run of a test of the shop; the same for the same state, atom and number of the run. */
export function runShopTest(state: ShopState, id: number, value: string, run: number): SimulatedAtom {
  const isE2e = !value.startsWith('$PROJECT_DIR');
  // Each test has a typical duration of its own, and varies around it.
  const typical = logNormal(randomOf(id + (isE2e ? 7001 : 17)), isE2e ? 34 : 9, 0.7);
  const random = randomOf(state.seed * 7919 + id * 31 + run);
  const factor = found(state.slower, value) ?? 1;
  const seconds = Number((logNormal(random, typical, 0.08) * factor).toFixed(2));
  const flaky = found(FLAKY, value);
  const fault =
    found(state.faults, value) ??
    (flaky !== null && run === 0 && random() < flaky.share ? flaky.fault : null);
  const output = isE2e
    ? consoleOfE2e(value, seconds, fault, random)
    : consoleOfUnitTest(value, seconds, fault, random);
  return { seconds, exitCode: fault === null ? 0 : 1, ...output };
}

function found<T>(byPart: Readonly<Record<string, T>>, value: string): T | null {
  return Object.entries(byPart).find(([part]) => value.includes(part))?.[1] ?? null;
}
