import { type AtomHistory, withRunInHistory } from '../src/domain/history/atom-history.js';
import { typicalSeconds } from '../src/domain/history/atom-scores.js';
import { failureRisk, riskWhenAffected } from '../src/domain/scheduling/failure-risk.js';
import { groupAtoms } from '../src/domain/scheduling/grouping.js';
import { type BuildOfStory, suiteStory } from './first-failure/suite-story.js';
import { benchOptions } from './support/options.js';
import { Report, type Row } from './support/report.js';
import { median, round } from './support/statistics.js';

/*
 * How soon the first failure of a build is known, with the order `longest` and with `likely_failures`. The builds of seeded
 * projects are recorded one after another, as the master records them. Each one with a failure is handed out in both orders
 * on a virtual clock. The second one is also measured where the changed part of the project is known, as rules of a job
 * tell. The end of the build tells what the order costs.
 *
 *   node dist/bench/first-failure.js [--quick] [--json FILE]
 */

const EXECUTORS = 8;
/** Builds that only make history. */
const FIRST = 30;

const options = benchOptions(1);
const report = new Report('first-failure', options);
const size = options.quick ? { atoms: 100, builds: 60 } : { atoms: 600, builds: 400 };

interface Outcome {
  readonly firstFailure: number;
  readonly end: number;
}

/** Hands out the groups in their order; seconds until the first failure, and until the end. */
function handOut(groups: readonly (readonly number[])[], { runs }: BuildOfStory): Outcome {
  const free = Array<number>(EXECUTORS).fill(0);
  let firstFailure = Infinity;
  for (const group of groups) {
    const executor = free.indexOf(Math.min(...free));
    for (const atom of group) {
      const { seconds = 0, kind } = runs[atom] ?? {};
      free[executor] = (free[executor] ?? 0) + seconds;
      if (kind === 'FAILED') {
        firstFailure = Math.min(firstFailure, free[executor] ?? 0);
      }
    }
  }
  return { firstFailure, end: Math.max(...free) };
}

/** `isAffected` is null for the order `longest`. */
function groupsOf(
  histories: readonly (AtomHistory | null)[],
  isAffected: ((atom: number) => boolean) | null,
) {
  return groupAtoms(
    histories.map((history, index) => {
      const seconds = history === null ? [] : typicalSeconds(history.newest);
      return {
        index,
        expected: seconds.length === 0 ? null : seconds.reduce((sum, one) => sum + one, 0) / seconds.length,
        stdDev: 0,
        risk: isAffected === null ? 0 : riskOf(history, isAffected(index)),
      };
    }),
    EXECUTORS,
  ).map(({ atoms }) => atoms);
}

function riskOf(history: AtomHistory | null, isAffected: boolean): number {
  const risk = failureRisk(history === null ? null : { runs: history.newest, flakiness: history.flakiness });
  return isAffected ? riskWhenAffected(risk) : risk;
}

const rows: Row[] = [];
const ratios = { history: [] as number[], change: [] as number[], end: [] as number[] };
for (let seed = 1; seed <= (options.quick ? 2 : 10); seed += 1) {
  const { atoms, builds } = suiteStory(seed, size);
  let histories: (AtomHistory | null)[] = atoms.map(() => null);
  const outcomes: { longest: Outcome; likely: Outcome; changed: Outcome }[] = [];
  for (const [place, build] of builds.entries()) {
    if (place >= FIRST && build.runs.some(({ kind }) => kind === 'FAILED')) {
      outcomes.push({
        longest: handOut(groupsOf(histories, null), build),
        likely: handOut(
          groupsOf(histories, () => false),
          build,
        ),
        changed: handOut(
          groupsOf(histories, (atom) => build.changed.has(atoms[atom]?.area ?? -1)),
          build,
        ),
      });
    }
    histories = build.runs.map((run, atom) =>
      withRunInHistory(
        histories[atom] ?? null,
        { build: place + 1, atom, minute: place, ...run },
        0,
        (one) => `commit ${one}`,
      ),
    );
  }
  const sumOf = (value: (outcome: (typeof outcomes)[number]) => number) =>
    outcomes.reduce((sum, outcome) => sum + value(outcome), 0);
  const longest = sumOf((one) => one.longest.firstFailure);
  const likely = sumOf((one) => one.likely.firstFailure);
  const changed = sumOf((one) => one.changed.firstFailure);
  const ends = sumOf((one) => one.changed.end) / sumOf((one) => one.longest.end);
  ratios.history.push(likely / longest);
  ratios.change.push(changed / longest);
  ratios.end.push(ends);
  rows.push({
    seed,
    'builds with a failure': outcomes.length,
    'longest: mean s to the first': round(longest / outcomes.length, 1),
    'likely_failures: mean s to the first': round(likely / outcomes.length, 1),
    'with the change': round(changed / outcomes.length, 1),
    ratio: round(likely / longest, 3),
    'ratio with the change': round(changed / longest, 3),
    'ratio of the ends': round(ends, 3),
  });
}
report.table(`${size.atoms} atoms on ${EXECUTORS} executors, ${size.builds} builds each`, rows);
report.table('Of all seeds', [
  {
    'ratio, median': round(median(ratios.history), 3),
    worst: round(Math.max(...ratios.history), 3),
    'with the change, median': round(median(ratios.change), 3),
    'worst with it': round(Math.max(...ratios.change), 3),
    'ratio of the ends, median': round(median(ratios.end), 3),
  },
]);
report.end();
