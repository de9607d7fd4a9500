import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { History } from '../../domain/scheduling/duration-estimate.js';
import type { BuildId, SubjobId } from '../../protocol/ids.js';
import type { ListedAtom } from '../../protocol/slave/slave-messages.js';
import { integer } from './engine/columns.js';
import type { Reader } from './engine/engine.js';
import { sql, tableOf } from './engine/sql.js';
import { change, type Write } from './engine/write.js';
import { timings } from './tables.js';

/** So many atoms are looked up in one query; the event loop runs between queries. */
const CHUNK = 2_000;
/** The weight of the newest time: high enough to follow a test that changed, low enough to forget a hiccup. */
const weight = sql`CASE WHEN timings.count < 3 THEN 1.0 / (timings.count + 1) ELSE 0.3 END`;
const off = sql`(excluded.seconds - timings.seconds)`;

/**
 * Adds the durations of a subjob's passed atoms to the history. Comes after recordVerdicts in its transaction.
 *
 * Mean and variance are updated by West's method (Updating Mean and Variance Estimates: An Improved Method, CACM 22 (9),
 * 1979). The weights are those of exponential smoothing: 0.3 for the newest run, the rest for all before it. They are equal
 * as long as there are three runs or fewer.
 */
export function learnTimings(
  of: { build: BuildId; subjob: SubjobId; project: string; job: string },
  now: number,
): Write {
  return change(sql`
    INSERT INTO timings (project, job, atom, seconds, variance, count, updated_at)
    SELECT ${of.project}, ${of.job}, variable || '=' || value, actual_time, 0, 1, ${now}
    FROM atoms WHERE build_id = ${of.build} AND subjob_id = ${of.subjob} AND failed = 0
    ON CONFLICT (project, job, atom) DO UPDATE SET
      seconds = timings.seconds + ${off} * (${weight}),
      variance = (1 - (${weight})) * (timings.variance + ${off} * ${off} * (${weight})),
      count = timings.count + 1,
      updated_at = excluded.updated_at`);
}

const found = { place: integer, seconds: timings.seconds, variance: timings.variance, count: timings.count };

/** The history of each atom, in the order of `atoms`; null where there is none. */
export async function readTimings(
  db: Reader,
  project: string,
  job: string,
  atoms: readonly ListedAtom[],
): Promise<(History | null)[]> {
  const histories = new Array<History | null>(atoms.length).fill(null);
  for (let at = 0; at < atoms.length; at += CHUNK) {
    const names = atoms
      .slice(at, at + CHUNK)
      .map(({ variable, value }, place) => [at + place, `${variable}=${value}`]);
    const rows = await db.all(
      sql`
        SELECT place, timings.seconds, timings.variance, timings.count
        FROM ${tableOf({ place: 'integer', name: 'text' }, names)} AS names
        CROSS JOIN timings
        WHERE timings.project = ${project} AND timings.job = ${job} AND timings.atom = names.name`,
      found,
    );
    for (const { place, ...history } of rows) {
      histories[place] = history;
    }
    await yieldToEventLoop();
  }
  return histories;
}

/** Deletes the history of atoms that no build has run since `before`. */
export function forgetTimings(before: number): Write {
  return change(sql`DELETE FROM timings WHERE updated_at < ${before}`);
}
