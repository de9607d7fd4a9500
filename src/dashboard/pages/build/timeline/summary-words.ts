import { durationText } from '../../../../lib/text/duration-text.js';
import { countText } from '../../../parts/text/count-text.js';
import type { Bar } from './timeline-bars.js';
import { durationOf, type TimelineSummary } from './timeline-summary.js';

/** A part of a sentence: text, or an atom in the place of its name. */
export type SentencePart = string | { readonly atom: number };

export interface SummarySentence {
  /** Identifies it among the sentences. */
  readonly about: 'total' | 'time' | 'tail' | 'unevenness' | 'slowest' | 'retries';
  /** Whether it tells of time that could be saved. */
  readonly isFinding: boolean;
  readonly parts: readonly SentencePart[];
}

/** Shorter times are not worth a sentence. */
const WORTH_MS = 1000;
const WORTH_PART = 0.05;

/** Why a build took so long, in sentences. */
export function summarySentences(summary: TimelineSummary): SummarySentence[] {
  const {
    total,
    isComplete,
    waiting,
    preparation,
    numExecutors,
    time,
    tail,
    unevenness,
    slowest,
    numRetried,
  } = summary;
  const sentence = (
    about: SummarySentence['about'],
    isShown: boolean,
    parts: readonly SentencePart[],
    isFinding = false,
  ) => (isShown ? [{ about, isFinding, parts }] : []);
  const share = (part: number, words: string) => (part > 0 ? [`${percent(part, time.all)} ${words}`] : []);
  const phases = [
    ...(waiting >= WORTH_MS ? [`${ms(waiting)} waiting`] : []),
    `${ms(preparation)} preparation`,
    ...(numExecutors > 0 ? [`then work on ${countText(numExecutors, 'executor')}`] : []),
  ];
  const isUneven = unevenness > Math.max(WORTH_MS, total * WORTH_PART);
  return [
    ...sentence('total', true, [`${ms(total)} ${isComplete ? 'in all' : 'so far'}: ${phases.join(', ')}.`]),
    ...sentence('time', time.all > 0, [
      `The time of the executors: ${[
        `${percent(time.tests, time.all)} tests`,
        `${percent(time.setup, time.all)} setup`,
        ...share(time.retried, 'failed runs of atoms that ran again'),
        ...share(time.fruitless, 'work without a result'),
        `${percent(time.idle, time.all)} idle or in other builds`,
      ].join(', ')}.`,
    ]),
    ...sentence('tail', tail !== null, tail === null ? [] : tailParts(summary, tail), true),
    ...sentence(
      'unevenness',
      isUneven,
      [`Half of the executors had no work of this build for the last ${ms(unevenness)}.`],
      true,
    ),
    ...sentence('slowest', slowest !== null, slowest === null ? [] : slowestParts(summary, slowest)),
    ...sentence('retries', time.retried > 0, [
      `${countText(numRetried, 'failed run')} of atoms that ran again took ${ms(time.retried)} of the executors.`,
    ]),
  ];
}

function tailParts(
  { isComplete, numExecutors }: TimelineSummary,
  { duration, bar }: NonNullable<TimelineSummary['tail']>,
): SentencePart[] {
  const begin = isComplete
    ? `In the last ${ms(duration)} only 1 of ${numExecutors} executors was busy`
    : `For ${ms(duration)} only 1 of ${numExecutors} executors has been busy`;
  const end = isComplete ? ', which alone determined the end.' : ', which alone determines the end.';
  return bar === null ? [`${begin}.`] : [`${begin}: with `, { atom: bar.id }, end];
}

function slowestParts({ total, isComplete }: TimelineSummary, bar: Bar): SentencePart[] {
  const took = durationOf(bar, total);
  const share = isComplete ? `, ${percent(took, total)} of the total` : '';
  return ['The slowest atom is ', { atom: bar.id }, `: ${ms(took)}${share}.`];
}

function percent(part: number, all: number): string {
  const rounded = Math.round((100 * part) / Math.max(1, all));
  return part > 0 && rounded === 0 ? 'below 1 %' : `${rounded} %`;
}

function ms(duration: number): string {
  return durationText(duration / 1000);
}
