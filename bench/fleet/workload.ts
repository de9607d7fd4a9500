import type { History } from '../../src/domain/scheduling/duration-estimate.js';
import { logNormal, randomOf } from '../../test/support/seeded-random.js';

export interface SlaveInFleet {
  readonly executors: number;
  /** Seconds. */
  readonly joins: number;
  /** Seconds; null: it stays. When it vanishes, the work that it runs is queued again. */
  readonly vanishes: number | null;
}

export interface AtomInFleet {
  readonly history: History | null;
  /** Seconds. */
  readonly actual: number;
  /** Seconds of its first run, when that is a straggler. */
  readonly stuck?: number;
}

export interface BuildInFleet {
  /** Seconds. */
  readonly arrives: number;
  readonly atoms: readonly AtomInFleet[];
}

/** The builds and slaves of a simulation. */
export interface Workload {
  readonly slaves: readonly SlaveInFleet[];
  readonly builds: readonly BuildInFleet[];
}

/**
 * One to fifty builds with atoms of log-normal length, with a long tail, on one to thirty slaves. Each build was run four
 * times before, with lengths off by about a fifth, and one atom in fifty is new. Half of the builds and a third of the
 * slaves arrive while others run; one slave in ten vanishes. With `stuck`, that share of the atoms takes twenty times as
 * long in its first run. With `isLate`, all builds are there at the start, and all slaves but the first join a second
 * later, as in a cluster that grows with its work.
 */
export function workload(seed: number, stuck = 0, isLate = false): Workload {
  const random = randomOf(seed);
  const between = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
  const builds = Array.from({ length: between(1, 50) }, () => {
    const median = logNormal(random, 1, 1);
    const atoms = Array.from({ length: Math.ceil(logNormal(random, 80, 1.2)) }, () =>
      atom(random, logNormal(random, median, 1), stuck),
    );
    return { arrives: 0, atoms };
  });
  const sizes = Array.from({ length: between(1, 30) }, () => between(1, 8));
  const executors = sizes.reduce((sum, one) => sum + one, 0);
  const work = builds.reduce((sum, { atoms }) => sum + atoms.reduce((all, one) => all + one.actual, 0), 0);
  const even = work / executors;
  if (isLate) {
    const slaves = sizes.map((size, n) => ({ executors: size, joins: n === 0 ? 0 : 1, vanishes: null }));
    return { builds, slaves };
  }
  return {
    builds: builds.map((build) => ({ ...build, arrives: random() < 0.5 ? 0 : random() * even * 0.6 })),
    slaves: sizes.map((size, n) => {
      // The first one stays from beginning to end.
      const joins = n === 0 || random() < 2 / 3 ? 0 : random() * even * 0.6;
      const vanishes = n === 0 || random() < 0.9 ? null : joins + random() * even;
      return { executors: size, joins, vanishes };
    }),
  };
}

function atom(random: () => number, usual: number, stuck: number): AtomInFleet {
  const actual = usual * logNormal(random, 1, 0.2);
  const runs = Array.from({ length: 4 }, () => usual * logNormal(random, 1, 0.2));
  const seconds = runs.reduce((sum, one) => sum + one, 0) / runs.length;
  const variance = runs.reduce((sum, one) => sum + (one - seconds) ** 2, 0) / runs.length;
  const history = random() < 0.02 ? null : { seconds, variance, count: runs.length };
  return random() < stuck ? { history, actual, stuck: actual * 20 } : { history, actual };
}
