import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { RecordedRuns } from '../../domain/recorded-pass.js';
import type { BuildId, SubjobId } from '../../protocol/ids.js';
import { integer } from './engine/columns.js';
import type { Reader } from './engine/engine.js';
import { listOf, sql, tableOf } from './engine/sql.js';
import { change, type Write } from './engine/write.js';
import { recordedPasses } from './tables.js';

/** So many atoms are looked up in one query; the event loop runs between queries. */
const CHUNK = 2_000;

/**
 * Notes the verdicts of a subjob's atoms that have a key. Comes after recordVerdicts in its transaction, and before atoms are
 * queued to run again: a pass counts only if the atom passed at the first try, a failure always.
 * @param withPasses whether the atoms ran in the surroundings that their keys name
 */
export function recordRuns(
  of: { readonly scope: string; readonly build: BuildId; readonly subjob: SubjobId },
  names: readonly { readonly id: number; readonly name: string }[],
  withPasses: boolean,
  now: number,
): Write {
  const named = tableOf(
    { id: 'integer', name: 'text' },
    names.map(({ id, name }) => [id, name]),
  );
  return change(sql`
    INSERT INTO recorded_passes (scope, atom, key, build_id, atom_id, passed_at, failed_at, noted_at)
    SELECT ${of.scope}, named.name, atoms.pass_key,
      CASE WHEN failed = 0 THEN build_id END,
      CASE WHEN failed = 0 THEN atom_id END,
      CASE WHEN failed = 0 THEN ${now} END,
      CASE WHEN failed = 1 THEN ${now} END,
      ${now}
    FROM ${named} AS named CROSS JOIN atoms
    WHERE build_id = ${of.build} AND atom_id = named.id AND +subjob_id = ${of.subjob} AND pass_key IS NOT NULL
      AND (failed = 1 OR (failed = 0 AND num_retries = 0 AND ${withPasses ? 1 : 0} = 1))
    ON CONFLICT (scope, atom, key) DO UPDATE SET
      build_id = coalesce(excluded.build_id, recorded_passes.build_id),
      atom_id = coalesce(excluded.atom_id, recorded_passes.atom_id),
      passed_at = coalesce(excluded.passed_at, recorded_passes.passed_at),
      failed_at = coalesce(excluded.failed_at, recorded_passes.failed_at),
      noted_at = excluded.noted_at`);
}

const found = {
  place: integer,
  key: recordedPasses.key,
  build_id: recordedPasses.build_id,
  atom_id: recordedPasses.atom_id,
  passed_at: recordedPasses.passed_at,
  failed_at: recordedPasses.failed_at,
};

/** The recorded runs of each atom in all of the scopes, in the order of `names`. */
export async function readRecordedRuns(
  db: Reader,
  scopes: readonly string[],
  names: readonly string[],
): Promise<RecordedRuns[][]> {
  const runs = names.map((): RecordedRuns[] => []);
  for (let at = 0; at < names.length; at += CHUNK) {
    const wanted = names.slice(at, at + CHUNK).map((name, place) => [at + place, name]);
    for (const scope of scopes) {
      const rows = await db.all(
        sql`
          SELECT place, key, build_id, atom_id, passed_at, failed_at
          FROM ${tableOf({ place: 'integer', name: 'text' }, wanted)} AS names
          CROSS JOIN recorded_passes
          WHERE recorded_passes.scope = ${scope} AND recorded_passes.atom = names.name`,
        found,
      );
      for (const { place, key, build_id, atom_id, passed_at, failed_at } of rows) {
        const pass =
          build_id === null || atom_id === null || passed_at === null
            ? null
            : { build: build_id, atom: atom_id, at: passed_at };
        runs[place]?.push({ key, pass, failedAt: failed_at });
      }
    }
    await yieldToEventLoop();
  }
  return runs;
}

/** Which of the atoms are flaky according to the history of their job. */
export async function flakyAmong(
  db: Reader,
  project: string,
  job: string,
  names: readonly string[],
): Promise<Set<string>> {
  const flaky = new Set<string>();
  for (let at = 0; at < names.length; at += CHUNK) {
    const rows = await db.all(
      sql`
        SELECT atom_histories.name AS atom FROM jobs JOIN atom_histories ON atom_histories.job_id = jobs.id
        WHERE jobs.project = ${project} AND jobs.name = ${job} AND atom_histories.flakiness > 0
          AND atom_histories.name IN ${listOf(names.slice(at, at + CHUNK))}`,
      { atom: recordedPasses.atom },
    );
    for (const { atom } of rows) {
      flaky.add(atom);
    }
    await yieldToEventLoop();
  }
  return flaky;
}

/** Deletes some of the rows that were last noted before `before`. Results in how many. */
export function forgetPasses(before: number, limit: number): Write<number> {
  return {
    sql: sql`
      DELETE FROM recorded_passes WHERE (scope, atom, key) IN (
        SELECT scope, atom, key FROM recorded_passes WHERE noted_at < ${before} ORDER BY noted_at LIMIT ${limit})`,
    result: ({ changes }) => changes,
  };
}

export async function countPasses(db: Reader): Promise<number> {
  const row = await db.first(sql`SELECT count(*) AS passes FROM recorded_passes`, { passes: integer });
  return row?.passes ?? 0;
}

/** Deletes the rows that were last noted the longest time ago. Results in how many. */
export function forgetOldestPasses(limit: number): Write<number> {
  return {
    sql: sql`
      DELETE FROM recorded_passes WHERE (scope, atom, key) IN (
        SELECT scope, atom, key FROM recorded_passes ORDER BY noted_at LIMIT ${limit})`,
    result: ({ changes }) => changes,
  };
}
