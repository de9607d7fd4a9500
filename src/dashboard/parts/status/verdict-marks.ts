import { durationText } from '../../../lib/text/duration-text.js';
import type { AtomRunInBuild } from '../../../protocol/build/history.js';
import type { Tone } from './status-look.js';

/* The runs of an atom as marks of different heights, and in words. */

export type ShownRun = Pick<AtomRunInBuild, 'build_id' | 'outcome' | 'flaky' | 'seconds'>;

/** The verdicts by how high their marks are, so that the color is never alone. */
const verdicts = {
  passed: { tone: 'good', height: 3 },
  flaky: { tone: 'warn', height: 6 },
  failed: { tone: 'bad', height: 10 },
  lost: { tone: 'quiet', height: 10 },
} as const satisfies Readonly<Record<string, { readonly tone: Tone; readonly height: number }>>;
type Verdict = keyof typeof verdicts;

const words = { PASSED: 'passed', FAILED: 'failed', LOST: 'lost' } as const;

function verdictOf({ outcome, flaky }: ShownRun): Verdict {
  return outcome === 'PASSED' && flaky ? 'flaky' : words[outcome];
}

/** A path of SVG for the marks of each verdict: a vertical line for each run, `step` pixels apart, that ends at `bottom`. */
export function markPaths(
  runs: readonly ShownRun[],
  step: number,
  bottom: number,
): { readonly tone: Tone; readonly path: string }[] {
  return Object.entries(verdicts).flatMap(([verdict, { tone, height }]) => {
    const marks = runs.map((run, index) =>
      verdictOf(run) === verdict ? `M${(index + 0.5) * step} ${bottom}v-${height}` : '',
    );
    const path = marks.join('');
    return path === '' ? [] : [{ tone, path }];
  });
}

/** `7 runs: 4 passed, 1 flaky, 2 failed, the newest one failed`. */
export function titleOfRuns(runs: readonly ShownRun[]): string {
  const newest = runs.at(-1);
  if (newest === undefined) {
    return 'no runs';
  }
  const counts = Object.keys(verdicts).flatMap((verdict) => {
    const count = runs.filter((run) => verdictOf(run) === verdict).length;
    return count === 0 ? [] : [`${count} ${verdict}`];
  });
  const end = runs.length === 1 ? '' : `, the newest one ${verdictOf(newest)}`;
  return `${runs.length} ${runs.length === 1 ? 'run' : 'runs'}: ${counts.join(', ')}${end}`;
}

/** `Build 12: failed after 3.4 s`. */
export function titleOfRun(run: ShownRun): string {
  const duration = run.seconds === null ? '' : ` after ${durationText(run.seconds)}`;
  return `Build ${run.build_id}: ${verdictOf(run)}${duration}`;
}
