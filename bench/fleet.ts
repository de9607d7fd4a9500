import { asMaster, type Outcome, overBound, type Settings, simulate } from './fleet/simulate.js';
import { workload } from './fleet/workload.js';

/*
 * How evenly builds end: the master's own grouping and scheduling over a simulated fleet with a virtual clock, beside
 * the lower bound of what any scheduler could do. Builds come while others run, slaves come and vanish, history is off
 * by a fifth, each hand-out keeps its executor for a while. The same 20 seeded workloads with history and without, with
 * and without regrouping; with atoms that are held up, with and without starting them twice; and without history on a
 * fleet that comes a second late, with and without regrouping.
 *
 *   npm run compile && node dist/bench/fleet.js
 */

const SEEDS = 20;
const HAND_OUT_SECONDS = 0.03;
/** Of the atoms, those that are held up. */
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

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

const heads = ['seed', 'builds', 'atoms', 'executors', 'bound s', ...alternatives.map(({ name }) => name)];
const widths = heads.map((head) => Math.max(head.length, 6) + 2);
const line = (cells: readonly (string | number)[]) =>
  process.stdout.write(
    `${cells
      .map((cell, n) => String(cell).padEnd(widths[n] ?? 0))
      .join('')
      .trimEnd()}\n`,
  );

const rows: { seed: number; outcomes: Record<string, Outcome & { ratio: number }> }[] = [];
line(heads);
for (let seed = 1; seed <= SEEDS; seed += 1) {
  const all = alternatives.map(({ name, settings, stuck, isLate }) => {
    const outcome = simulate(workload(seed, stuck, isLate), settings);
    return [name, { ...outcome, ratio: overBound(outcome) }] as const;
  });
  rows.push({ seed, outcomes: Object.fromEntries(all) });
  const [first] = all;
  if (first !== undefined) {
    const { builds, atoms, executors, bound } = first[1];
    line([seed, builds, atoms, executors, bound.toFixed(1), ...all.map(([, { ratio }]) => ratio.toFixed(3))]);
  }
}
const medians = alternatives.map(({ name }) =>
  median(rows.flatMap(({ outcomes }) => outcomes[name]?.ratio ?? [])),
);
line(['median', '', '', '', '', ...medians.map((one) => one.toFixed(3))]);
const worst = alternatives.map(({ name }) =>
  Math.max(...rows.flatMap(({ outcomes }) => outcomes[name]?.ratio ?? [])),
);
line(['worst', '', '', '', '', ...worst.map((one) => one.toFixed(3))]);
process.stdout.write(
  `${JSON.stringify({ handOutSeconds: HAND_OUT_SECONDS, stuck: STUCK, medians, worst, rows })}\n`,
);
