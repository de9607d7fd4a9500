import { asMaster, overBound, type Settings, simulate } from './fleet/simulate.js';
import { workload } from './fleet/workload.js';
import { benchOptions } from './support/options.js';
import { Report, type Row } from './support/report.js';
import { median, round } from './support/statistics.js';

/*
 * How evenly builds end: the master's own grouping and scheduling on a simulated fleet with a virtual clock, compared with
 * a lower bound for any scheduler. Builds arrive while others run, slaves come and vanish, history is off by a fifth, each
 * hand-out occupies its executor for a while. The same 20 seeded workloads run with and without history, with and without
 * regrouping; with stragglers, with and without duplicates; and without history on a fleet that joins a second late, with
 * and without regrouping.
 *
 *   node dist/bench/fleet.js [--quick] [--json FILE]
 */

const HAND_OUT_SECONDS = 0.03;
/** The share of atoms that are stragglers. */
const STUCK = 0.002;

interface Alternative {
  readonly name: string;
  readonly settings: Settings;
  readonly stuck?: number;
  readonly isLate?: boolean;
}

const usual = { ...asMaster, handOut: HAND_OUT_SECONDS };
const alternatives: readonly Alternative[] = [
  { name: 'as it is', settings: usual },
  { name: 'free hand-out', settings: asMaster },
  { name: 'no regrouping', settings: { ...usual, regroups: false } },
  { name: 'no history', settings: { ...usual, history: false } },
  { name: 'neither', settings: { ...usual, history: false, regroups: false } },
  { name: 'stuck, once', settings: usual, stuck: STUCK },
  { name: 'stuck, twice', settings: { ...usual, speculative: true }, stuck: STUCK },
  { name: 'late', settings: { ...usual, history: false }, isLate: true },
  { name: 'late, no regrouping', settings: { ...usual, history: false, regroups: false }, isLate: true },
];

const options = benchOptions(1);
const report = new Report('fleet', options);
const seeds = options.quick ? 2 : 20;

const rows: Row[] = [];
for (let seed = 1; seed <= seeds; seed += 1) {
  const outcomes = alternatives.map(({ name, settings, stuck, isLate }) => ({
    name,
    ...simulate(workload(seed, stuck, isLate), settings),
  }));
  const [first] = outcomes;
  rows.push({
    seed,
    builds: first?.builds ?? null,
    atoms: first?.atoms ?? null,
    executors: first?.executors ?? null,
    'bound s': round(first?.bound ?? 0, 1),
    ...Object.fromEntries(outcomes.map((outcome) => [outcome.name, round(overBound(outcome), 3)])),
  });
}
report.table(
  `Over the lower bound; a hand-out takes ${HAND_OUT_SECONDS} s, ${STUCK * 100} % are stuck`,
  rows,
);
const ratiosOf = (name: string) => rows.map((row) => Number(row[name]));
report.table(
  'Of all seeds',
  alternatives.map(({ name }) => ({
    what: name,
    median: round(median(ratiosOf(name)), 3),
    worst: Math.max(...ratiosOf(name)),
  })),
);
report.end();
