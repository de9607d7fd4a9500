import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import type { History } from '../../domain/scheduling/duration-estimate.js';
import type { BuildId, SubjobId } from '../../protocol/ids.js';
import type { ListedAtom } from '../../protocol/slave/slave-messages.js';
import type { Database, Writable } from './engine/database.js';

/** So many are looked up at once; between them others may run. */
const CHUNK = 2_000;
/** Weight of the newest time: high enough to follow a test that changed, low enough to forget a hiccup. */
const NEWEST_WEIGHT = 0.3;
const WEIGHT = `max(${NEWEST_WEIGHT}, 1.0 / (count + 1))`;
const OFF = '(excluded.seconds - seconds)';
const LEARN = `
  INSERT INTO timings (project, job, atom, seconds, variance, count, updated_at)
  SELECT ?, ?, variable || '=' || value, actual_time, 0, 1, ?
  FROM atoms WHERE build_id = ? AND subjob_id = ? AND failed = 0
  ON CONFLICT (project, job, atom) DO UPDATE SET
    seconds = seconds + ${OFF} * ${WEIGHT},
    variance = (1 - ${WEIGHT}) * (variance + ${OFF} * ${OFF} * ${WEIGHT}),
    count = count + 1,
    updated_at = excluded.updated_at`;

/**
 * Takes the times of a subjob's atoms that passed into the history; call after their verdicts are recorded.
 *
 * Mean and variance are kept as West has it (Updating Mean and Variance Estimates: An Improved Method, CACM 22 (9),
 * 1979), with the weights of exponential smoothing: 0.3 for the newest run, the rest for all before it, and equal
 * weights as long as there are three runs or fewer.
 */
export async function learnTimings(
  { direct }: Writable,
  of: { build: BuildId; subjob: SubjobId; project: string; job: string },
  now: number,
): Promise<void> {
  direct.run(LEARN, of.project, of.job, now, of.build, of.subjob);
}

/** What is known of each atom, in order; null where there is no history. */
export async function readTimings(
  db: Kysely<Database>,
  project: string,
  job: string,
  atoms: readonly ListedAtom[],
): Promise<(History | null)[]> {
  const histories = new Array<History | null>(atoms.length).fill(null);
  for (let at = 0; at < atoms.length; at += CHUNK) {
    const names = atoms.slice(at, at + CHUNK).map(({ variable, value }) => `${variable}=${value}`);
    const { rows } = await sql<History & { place: number }>`
      SELECT names.key AS place, timings.seconds, timings.variance, timings.count
      FROM json_each(${JSON.stringify(names)}) AS names
      CROSS JOIN timings ON timings.project = ${project} AND timings.job = ${job} AND timings.atom = names.value
    `.execute(db);
    for (const { place, seconds, variance, count } of rows) {
      histories[at + place] = { seconds, variance, count };
    }
    await yieldToEventLoop();
  }
  return histories;
}

/** Forgets atoms that no build has run since `before`. */
export async function forgetTimings(db: Kysely<Database>, before: number): Promise<void> {
  await db.deleteFrom('timings').where('updated_at', '<', before).execute();
}
