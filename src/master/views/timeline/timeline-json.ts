import type { Timeline } from '../../../protocol/build/timeline.js';
import type { TimelineParts } from '../../state/master-api.js';
import { NO_END, type SortedBars } from './bars.js';

/** So many numbers are written at once. */
const AT_ONCE = 10_000;

type Column = keyof SortedBars;

/** The members of a timeline as JSON text, without the braces around them. */
export function* timelineMembers(parts: TimelineParts, cursor: string): Generator<string> {
  const { atoms, retried, setups, fruitless, count: _, ...head } = parts;
  const whole: Omit<Timeline, 'atoms' | 'retried' | 'setups' | 'fruitless'> = { ...head, cursor };
  yield `${JSON.stringify(whole).slice(1, -1)},`;
  yield* columns('setups', setups, { executor: 'executor', start: 'start', duration: 'duration' });
  yield* columns(',fruitless', fruitless, {
    executor: 'executor',
    start: 'start',
    duration: 'duration',
    end: 'state',
  });
  yield* columns(',retried', retried, {
    id: 'id',
    executor: 'executor',
    start: 'start',
    duration: 'duration',
  });
  yield* columns(',atoms', atoms, {
    id: 'id',
    executor: 'executor',
    start: 'start',
    duration: 'duration',
    state: 'state',
  });
}

/** `named` has the column for each name in the response. A comma before `name` is written before it. */
function* columns(
  name: string,
  bars: SortedBars,
  named: Readonly<Record<string, Column>>,
): Generator<string> {
  const comma = name.startsWith(',') ? ',' : '';
  let opening = `${comma}"${name.replace(',', '')}":{`;
  for (const [key, column] of Object.entries(named)) {
    yield `${opening}"${key}":[`;
    const values = bars[column];
    for (let at = 0; at < values.length; at += AT_ONCE) {
      const text = values.subarray(at, at + AT_ONCE).join(',');
      // Only this one is negative.
      yield (at === 0 ? '' : ',') + text.replaceAll(String(NO_END), 'null');
    }
    opening = '],';
  }
  yield ']}';
}
