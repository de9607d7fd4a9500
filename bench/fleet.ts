import { type Outcome, overBound, simulate } from './fleet/simulate.js';
import { workload } from './fleet/workload.js';

/*
 * How evenly builds end: the master's own grouping and scheduling over a simulated fleet with a virtual clock, beside
 * the lower bound of what any scheduler could do. Nothing else is simulated: a hand-out costs nothing.
 *
 *   npm run compile && node dist/bench/fleet.js
 */

const SEEDS = 20;

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

const rows: (Outcome & { seed: number; ratio: number })[] = [];
process.stdout.write('seed  builds  atoms   executors  bound s  makespan s  ratio\n');
for (let seed = 1; seed <= SEEDS; seed += 1) {
  const outcome = simulate(workload(seed));
  const ratio = overBound(outcome);
  rows.push({ seed, ...outcome, ratio });
  const { builds, atoms, executors, bound, makespan } = outcome;
  const cells = [seed, builds, atoms, executors, bound.toFixed(1), makespan.toFixed(1), ratio.toFixed(3)];
  process.stdout.write(`${cells.map((cell) => String(cell).padEnd(9)).join(' ')}\n`);
}
const middle = median(rows.map(({ ratio }) => ratio));
process.stdout.write(`median ${middle.toFixed(3)} times the bound\n`);
process.stdout.write(`${JSON.stringify({ median: middle, rows })}\n`);
