import type { ResultReport } from '../../protocol/slave/slave-messages.js';
import type { WrittenArchive } from '../archive/write-archive.js';
import type { SubjobOutcome } from './subjob-record.js';

/** The report about a subjob that was run and packed; `head` is what is known of it besides. */
export function resultReport(
  { verdicts, unfinished }: SubjobOutcome,
  { facts, ...index }: WrittenArchive,
  head: Pick<ResultReport, 'lease' | 'ran_in' | 'setup' | 'surroundings'>,
): ResultReport {
  const atoms = verdicts.map((verdict) => {
    const found = facts.get(verdict.id);
    return found === undefined ? verdict : { ...verdict, facts: found };
  });
  return { ...head, atoms, ...(unfinished.length === 0 ? {} : { unfinished: [...unfinished] }), index };
}
