import { percentText } from '../../../lib/text/percent-text.js';
import type { AtomHistoryWithDays } from '../../../protocol/build/history.js';
import type { BuildId } from '../../../protocol/ids.js';

/* Facts about the runs of an atom in words. */

type Counted = Pick<AtomHistoryWithDays, 'runs' | 'failures' | 'flakiness' | 'last'>;

/** `failed in 3 of 120 runs`. */
export function failuresOfRuns({ runs, failures }: Pick<Counted, 'runs' | 'failures'>): string {
  return failures === 0
    ? `passed in ${runs === 1 ? 'its one run' : `all ${number(runs)} runs`}`
    : `failed in ${number(failures)} of ${number(runs)} ${runs === 1 ? 'run' : 'runs'}`;
}

/** `flaky in 8 % of the last 50 runs`; null for an atom that is not. */
export function flakinessText({ flakiness, last }: Pick<Counted, 'flakiness' | 'last'>): string | null {
  const runs = last.filter(({ outcome }) => outcome !== 'LOST').length;
  return flakiness > 0 ? `flaky in ${percentText(flakiness)} of the last ${runs} runs` : null;
}

/** The run in a build, if it is one of the newest and the build still exists. */
export function keptRun({ last }: Pick<Counted, 'last'>, build: BuildId): Counted['last'][number] | null {
  return last.find(({ build_id, retained }) => build_id === build && retained) ?? null;
}

function number(n: number): string {
  return n.toLocaleString('en-US');
}
