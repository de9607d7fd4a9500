import { createHash } from 'node:crypto';
import type { BuildId } from '../../../src/protocol/ids.js';
import { randomOf } from '../seeded-random.js';
import {
  endToEnd,
  endToEndAtoms,
  runShopTest,
  type ShopState,
  unitTestAtoms,
  unitTests,
} from './shop-project.js';
import type { SimulatedBuild } from './simulated-atom.js';
import { SimulatedCluster } from './simulated-cluster.js';

const HOUR = 3600;
const DAY_MS = 24 * HOUR * 1000;

const SLAVES = [
  ...[1, 2, 3, 4].map((n) => ({ name: `build-${n}.shop.example`, executors: 4 })),
  {
    name: 'build-5.shop.example',
    executors: 4,
    freeDiskBytes: 700 * 1024 ** 2,
    paused: 'The disk of /var/lib/clusterrunner has 0.7 GiB free, and min_free_disk_mib is 1024.',
  },
  { name: 'build-6.shop.example', executors: 2 },
];

const AUTHORS = ['mira@laptop', 'tomasz@desk-4', 'ci: nightly', 'ana@laptop', 'ci: main'];
const SUBJECTS = [
  'Charge the card once for each order',
  'Show prices with the currency of the address',
  'Read the search index in the background',
  'Let guests look up their orders',
  'Update Vite to 7.1',
  'Send the invoice before the parcel',
  'Remove the old address form',
  'Keep the cart for thirty days',
  'Log the reason of a refused payment',
  'Translate the returns page',
];

export interface ShopHistory {
  readonly cluster: SimulatedCluster;
  readonly builds: {
    /** It has ended, and a group of its tests failed in the same way. */
    readonly failed: BuildId;
    /** Its tests in a browser have ended, and left files. */
    readonly withFiles: BuildId;
    readonly canceled: BuildId;
    /** It could not be prepared. */
    readonly broken: BuildId;
    readonly running: BuildId;
    readonly queued: BuildId;
  };
}

export interface ShopOptions {
  readonly baseDirectory: string;
  readonly secret: string;
  /** Milliseconds since the epoch: the time at the end. */
  readonly now: number;
  readonly days: number;
  /** The master's port; any free one unless given. */
  readonly port?: number;
}

/** A cluster after some days of work, with builds in each state; the same for the same options. */
export async function makeShopHistory(options: ShopOptions): Promise<ShopHistory> {
  const { baseDirectory, secret, now, days, port = 0 } = options;
  const cluster = await SimulatedCluster.start({
    baseDirectory,
    secret,
    startsAt: now - days * DAY_MS,
    slaves: SLAVES,
    port,
  });
  const random = randomOf(days);
  const seconds = () => (now - cluster.clock.now()) / 1000;
  let seed = 0;
  for (let day = 0; day < days; day += 1) {
    const state = (): ShopState => {
      seed += 1;
      return stateOf(day / days, seed);
    };
    for (const [hour, make] of [
      [1, endToEndBuild],
      [8, unitTestBuild],
      [11, unitTestBuild],
      [15, endToEndBuild],
    ] as const) {
      const at = (days - day) * 24 * HOUR - (hour + random()) * HOUR;
      if (at > 2 * HOUR) {
        await cluster.skip(seconds() - at);
        await cluster.runToEnd(await cluster.create(make(state(), 'main')));
      }
    }
  }
  await cluster.skip(seconds() - HOUR);
  const lastState = (faults: ShopState['faults'] = {}) => {
    seed += 1;
    return { seed, faults, slower: {} };
  };
  const broken = await cluster.create({
    ...unitTestBuild(lastState(), 'faster-install'),
    preparationError: 'Job "UnitTest" is not in clusterrunner.yaml; it has UnitTests and EndToEnd.',
  });
  await cluster.runToEnd(broken);
  const canceled = await cluster.create(endToEndBuild(lastState(), 'new-checkout'));
  await cluster.runFor(75);
  await cluster.cancel(canceled);
  const withFiles = await cluster.create(
    endToEndBuild(lastState({ 'checkout-with-coupon': 'locator' }), 'main'),
  );
  await cluster.runToEnd(withFiles);
  const failed = await cluster.create(unitTestBuild(lastState(LEDGER_IS_AWAY), 'ledger-in-postgres'));
  await cluster.runToEnd(failed);
  await cluster.skip(seconds() - 42);
  cluster.reportsEverything = true;
  const running = await cluster.create(unitTestBuild(lastState(STILL_BROKEN), 'main'));
  await cluster.create(endToEndBuild(lastState(), 'main'));
  await cluster.runFor(seconds() - 3);
  const queued = await cluster.create(unitTestBuild(lastState(), 'new-checkout'));
  await cluster.runFor(seconds());
  return { cluster, builds: { failed, withFiles, canceled, broken, running, queued } };
}

const LEDGER_IS_AWAY: ShopState['faults'] = {
  'payment/test/ledger': 'connection',
  'payment/test/settlement': 'connection',
  'payment/test/refund': 'connection',
  'payment/test/dispute': 'connection',
  'shipping/test/returns': 'connection',
  'cart/test/totals': 'assertion',
};

const STILL_BROKEN: ShopState['faults'] = {
  'accounts/test/address-book': 'assertion',
  'cart/test/tax': 'assertion',
};

/** `share`: of the history that has passed. */
function stateOf(share: number, seed: number): ShopState {
  return {
    seed,
    faults: {
      // Repaired after a while.
      ...(share > 0.3 && share < 0.6 ? { 'accounts/test/sessions': 'assertion' } : {}),
      // Still broken.
      ...(share > 0.8 ? STILL_BROKEN : {}),
    },
    slower: share > 0.65 ? { 'catalog/test/import': 2.4 } : {},
  };
}

function unitTestBuild(state: ShopState, branch: string): SimulatedBuild {
  return {
    ...shopBuild(state, branch),
    request: { ...requestOf(state, branch), job_name: 'UnitTests', config: unitTests },
    jobName: 'UnitTests',
    atoms: unitTestAtoms,
    setupSeconds: 11,
  };
}

function endToEndBuild(state: ShopState, branch: string): SimulatedBuild {
  return {
    ...shopBuild(state, branch),
    request: { ...requestOf(state, branch), job_name: 'EndToEnd', config: endToEnd },
    jobName: 'EndToEnd',
    atoms: endToEndAtoms,
    setupSeconds: 26,
  };
}

function shopBuild(state: ShopState, branch: string) {
  return {
    revision: { commit: commitOf(state), branch, subject: chosen(SUBJECTS, state.seed), has_changes: false },
    preparationSeconds: 4,
    runAtom: ({ id, value }: { id: number; value: string }, run: number) =>
      runShopTest(state, id, value, run),
  };
}

function requestOf(state: ShopState, branch: string) {
  return {
    type: 'git' as const,
    url: 'https://git.shop.example/shop.git',
    branch,
    hash: commitOf(state),
    requested_by: chosen(AUTHORS, state.seed),
  };
}

function commitOf({ seed }: ShopState): string {
  return createHash('sha1').update(`commit ${seed}`).digest('hex');
}

function chosen(list: readonly string[], seed: number): string {
  return list[seed % list.length] ?? '';
}
