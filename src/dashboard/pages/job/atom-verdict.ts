import { agoText } from '../../../lib/text/duration-text.js';
import { percentText } from '../../../lib/text/percent-text.js';
import type { JobAtom } from '../../../protocol/build/history.js';
import type { Tone } from '../../parts/status/status-look.js';

/** Whether an atom fails, since when, and whether it is flaky, in words. `now` in seconds since the epoch. */
export function verdictOf(
  { failing_since: since, last_passed: passed, flakiness, last }: JobAtom,
  now: number,
): { readonly tone: Tone; readonly text: string } {
  const runs = `its newest ${last.length} ${last.length === 1 ? 'run' : 'runs'}`;
  const flaky = `It is flaky: in ${percentText(flakiness)} of ${runs} it failed although its code was good.`;
  if (since !== null) {
    const before = passed === null ? 'It has never passed.' : `It passed last in build ${passed}.`;
    const text = `It fails since build ${since.build_id}, ${agoText(since.at, now)}. ${before}`;
    return { tone: 'bad', text: flakiness > 0 ? `${text} ${flaky}` : text };
  }
  if (flakiness > 0) {
    return { tone: 'warn', text: flaky };
  }
  const failed = last.filter(({ outcome }) => outcome !== 'PASSED').length;
  return {
    tone: 'good',
    text:
      failed === 0
        ? `It passed in all of ${runs}.`
        : `It passed when it ran last, and is not flaky; ${failed} of ${runs} failed.`,
  };
}
