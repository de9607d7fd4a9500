import { packDays, unpackDays } from '../../../domain/history/atom-days.js';
import type { AtomHistory } from '../../../domain/history/atom-history.js';
import { packRuns, unpackRuns } from '../../../domain/history/atom-runs.js';
import type { BuildMoment } from '../../../domain/history/atom-scores.js';
import type { AtomTrouble } from '../../../domain/scheduling/failure-risk.js';
import { integer, nullable } from '../engine/columns.js';
import type { Reader } from '../engine/engine.js';
import { type Sql, sql, tableOf } from '../engine/sql.js';
import { change, type Write } from '../engine/write.js';
import { type AtomHistoryRow, atomHistories } from '../tables.js';

const DAYS_OF_WEEK = 7;

/** The history of an atom, and the id of its row. */
export interface StoredHistory extends AtomHistory {
  readonly id: number;
}

function weekOf({ days }: AtomHistory): number {
  return Math.floor((days.at(-1)?.day ?? 0) / DAYS_OF_WEEK);
}

function brokenSince({ failingSince, lastPassed }: AtomHistory): number | null {
  return lastPassed === null ? null : (failingSince?.build ?? null);
}

/** Adds the history of an atom that has none. */
export function insertHistory(job: number, name: string, one: AtomHistory): Write {
  return change(sql`
    INSERT INTO atom_histories (job_id, name, runs, failures, flaky, retry_seconds, recent_retry_seconds, flakiness,
      slowness, failing_since, failing_since_minute, broken_since, last_passed, first_seen, first_seen_minute, last_week,
      newest_runs, days)
    VALUES (${job}, ${name}, ${one.runs}, ${one.failures}, ${one.flaky}, ${one.retrySeconds}, ${one.recentRetrySeconds},
      ${one.flakiness}, ${one.slowness}, ${one.failingSince?.build ?? null}, ${one.failingSince?.minute ?? null},
      ${brokenSince(one)}, ${one.lastPassed}, ${one.firstSeen.build}, ${one.firstSeen.minute}, ${weekOf(one)}, ${packRuns(one.newest)},
      ${packDays(one.days)})`);
}

/**
 * Stores a history that has changed. Most runs change only columns without an index, and then only those are set.
 * An index of a column that is set costs a third of the rest, whether its value changes or not.
 */
export function updateHistory(before: StoredHistory, one: AtomHistory): Write {
  const isQuiet =
    one.failures === before.failures &&
    one.flaky === before.flaky &&
    one.retrySeconds === before.retrySeconds &&
    one.recentRetrySeconds === before.recentRetrySeconds &&
    one.flakiness === before.flakiness &&
    one.slowness === before.slowness &&
    one.failingSince?.build === before.failingSince?.build &&
    one.firstSeen.build === before.firstSeen.build &&
    weekOf(one) === weekOf(before);
  if (isQuiet) {
    return change(sql`
      UPDATE atom_histories SET
        runs = ${one.runs}, last_passed = ${one.lastPassed}, newest_runs = ${packRuns(one.newest)}, days = ${packDays(one.days)}
      WHERE id = ${before.id}`);
  }
  return change(sql`
    UPDATE atom_histories SET
      runs = ${one.runs},
      failures = ${one.failures},
      flaky = ${one.flaky},
      retry_seconds = ${one.retrySeconds},
      recent_retry_seconds = ${one.recentRetrySeconds},
      flakiness = ${one.flakiness},
      slowness = ${one.slowness},
      failing_since = ${one.failingSince?.build ?? null},
      failing_since_minute = ${one.failingSince?.minute ?? null},
      broken_since = ${brokenSince(one)},
      last_passed = ${one.lastPassed},
      first_seen = ${one.firstSeen.build},
      first_seen_minute = ${one.firstSeen.minute},
      last_week = ${weekOf(one)},
      newest_runs = ${packRuns(one.newest)},
      days = ${packDays(one.days)}
    WHERE id = ${before.id}`);
}

/** @throws Error for a row that this version has not written */
export function readHistory(row: AtomHistoryRow): StoredHistory {
  return {
    id: row.id,
    runs: row.runs,
    failures: row.failures,
    flaky: row.flaky,
    retrySeconds: row.retry_seconds,
    recentRetrySeconds: row.recent_retry_seconds,
    flakiness: row.flakiness,
    slowness: row.slowness,
    failingSince: momentOf(row.failing_since, row.failing_since_minute),
    lastPassed: row.last_passed,
    firstSeen: { build: row.first_seen, minute: row.first_seen_minute },
    newest: unpackRuns(row.newest_runs),
    days: unpackDays(row.days),
  };
}

function momentOf(build: number | null, minute: number | null): BuildMoment | null {
  return build === null || minute === null ? null : { build, minute };
}

/** The histories that there are among these names. */
export async function historiesNamed(
  db: Reader,
  job: number,
  names: readonly string[],
): Promise<Map<string, StoredHistory>> {
  const wanted = tableOf(
    { wanted: 'text' },
    names.map((name) => [name]),
  );
  const rows = await db.all(
    sql`
      SELECT atom_histories.* FROM ${wanted} AS names CROSS JOIN atom_histories
      WHERE atom_histories.job_id = ${job} AND atom_histories.name = names.wanted`,
    atomHistories,
  );
  return new Map(rows.map((row) => [row.name, readHistory(row)]));
}

const trouble = {
  place: integer,
  flakiness: atomHistories.flakiness,
  runs: nullable(atomHistories.newest_runs),
};

/** The place of each of these names that has a history, and the runs of those atoms that have failed. */
export async function troubleOf(
  db: Reader,
  job: number,
  names: readonly string[],
): Promise<Map<number, AtomTrouble>> {
  const wanted = tableOf(
    { place: 'integer', wanted: 'text' },
    names.map((name, place) => [place, name]),
  );
  const rows = await db.all(
    sql`
      SELECT names.place, atom_histories.flakiness,
        CASE WHEN atom_histories.failures > 0 THEN atom_histories.newest_runs END AS runs
      FROM ${wanted} AS names CROSS JOIN atom_histories
      WHERE atom_histories.job_id = ${job} AND atom_histories.name = names.wanted`,
    trouble,
  );
  return new Map(
    rows.map(({ place, flakiness, runs }) => [
      place,
      { flakiness, runs: runs === null ? [] : unpackRuns(runs) },
    ]),
  );
}

/** The histories of the atoms that have not run for the longest time come first. */
const oldest = (limit: number): Sql =>
  sql`SELECT id FROM atom_histories ORDER BY last_week, id LIMIT ${limit}`;

/** Deletes the `limit` histories of atoms that have not run for the longest time. */
export function forgetOldestAtoms(limit: number): Write<number>[] {
  return forgetAtoms(oldest(limit));
}

/** Deletes histories of atoms that have not run since the week of the day `before` or later, `limit` at most. */
export function forgetUnusedAtoms(before: number, limit: number): Write<number>[] {
  const week = Math.floor(before / DAYS_OF_WEEK);
  return forgetAtoms(
    sql`SELECT id FROM atom_histories WHERE last_week < ${week} ORDER BY last_week, id LIMIT ${limit}`,
  );
}

/** Deletes histories of atoms of a job, `limit` at most. */
export function forgetAtomsOfJob(job: number, limit: number): Write<number>[] {
  return forgetAtoms(sql`SELECT id FROM atom_histories WHERE job_id = ${job} ORDER BY name LIMIT ${limit}`);
}

/** Deletes those that `chosen` selects by id, and counts them off in their jobs. The last one results in their number. */
function forgetAtoms(chosen: Sql): Write<number>[] {
  return [
    change(sql`
      UPDATE jobs SET num_atoms = num_atoms - gone.atoms
      FROM (SELECT job_id, count(*) AS atoms FROM atom_histories WHERE id IN (${chosen}) GROUP BY job_id) AS gone
      WHERE jobs.id = gone.job_id`),
    change(sql`DELETE FROM atom_histories WHERE id IN (${chosen})`),
  ];
}
