import { setImmediate as breathe } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import type { BuildId, SubjobId } from '../../protocol/ids.js';
import type { ListedAtom } from '../../protocol/slave.js';
import type { Database } from './database.js';

/** So many are looked up at once; between them others may run. */
const CHUNK = 2_000;
/** Weight of the newest time: high enough to follow a test that changed, low enough to forget a hiccup. */
const NEWEST_WEIGHT = 0.3;

/** Takes the times of a subjob's atoms that passed into the history; call after their verdicts are recorded. */
export async function learnTimings(
  db: Kysely<Database>,
  of: { build: BuildId; subjob: SubjobId; project: string; job: string },
  now: number,
): Promise<void> {
  await sql`
    INSERT INTO timings (project, job, atom, seconds, count, updated_at)
    SELECT ${of.project}, ${of.job}, variable || '=' || value, actual_time, 1, ${now}
    FROM atoms WHERE build_id = ${of.build} AND subjob_id = ${of.subjob} AND failed = 0
    ON CONFLICT (project, job, atom) DO UPDATE SET
      seconds = seconds + (excluded.seconds - seconds) * ${NEWEST_WEIGHT},
      count = count + 1,
      updated_at = excluded.updated_at`.execute(db);
}

/** Expected seconds of each atom, in order; null where there is no history. */
export async function readTimings(
  db: Kysely<Database>,
  project: string,
  job: string,
  atoms: readonly ListedAtom[],
): Promise<(number | null)[]> {
  const expected = new Array<number | null>(atoms.length).fill(null);
  for (let at = 0; at < atoms.length; at += CHUNK) {
    const names = atoms.slice(at, at + CHUNK).map(({ variable, value }) => `${variable}=${value}`);
    const { rows } = await sql<{ place: number; seconds: number }>`
      SELECT names.key AS place, timings.seconds AS seconds
      FROM json_each(${JSON.stringify(names)}) AS names
      CROSS JOIN timings ON timings.project = ${project} AND timings.job = ${job} AND timings.atom = names.value
    `.execute(db);
    for (const { place, seconds } of rows) {
      expected[at + place] = seconds;
    }
    await breathe();
  }
  return expected;
}

/** Forgets atoms that no build has run since `before`. */
export async function forgetTimings(db: Kysely<Database>, before: number): Promise<void> {
  await db.deleteFrom('timings').where('updated_at', '<', before).execute();
}
