import type { CacheDecision } from '../../domain/recorded-pass.js';
import type { ReportedVerdict } from '../../domain/reported-verdicts.js';
import type { DurationEstimate } from '../../domain/scheduling/duration-estimate.js';
import { durationText } from '../../lib/text/duration-text.js';
import { type NotCached, notCached } from '../../protocol/build/cached-atom.js';
import { type AtomId, type BuildId, type LeaseId, type SubjobId, toId } from '../../protocol/ids.js';
import type { AssignedAtom, Progress, ResultReport } from '../../protocol/slave/slave-messages.js';
import { integer, oneOf, type Row, real } from './engine/columns.js';
import type { Reader } from './engine/engine.js';
import { listOf, sql, tableOf } from './engine/sql.js';
import { change, changeExactly, returning, type Write } from './engine/write.js';
import { summedFacts } from './facts-column.js';
import { atoms } from './tables.js';

export interface NewAtom extends DurationEstimate {
  readonly id: number;
  readonly subjob: number;
  readonly variable: string;
  readonly value: string;
}

export function insertAtoms(build: BuildId, list: readonly NewAtom[]): Write {
  const news = tableOf(
    {
      id: 'integer',
      subjob: 'integer',
      variable: 'text',
      value: 'text',
      expected: 'real',
      deviation: 'real',
    },
    list.map((one) => [one.id, one.subjob, one.variable, one.value, one.expected, one.stdDev]),
  );
  return change(sql`
    INSERT INTO atoms (build_id, atom_id, subjob_id, variable, value, expected_time, expected_deviation)
    SELECT ${build}, id, subjob, variable, value, expected, deviation FROM ${news} AS news`);
}

/** An atom of a job that caches its atoms, and the decision about it. */
export interface CacheFacts {
  readonly id: number;
  /** See PassKeyParts; null where the inputs are not known. */
  readonly key: string | null;
  /** The run that it is taken from, or why it has to run. */
  readonly decision: CacheDecision;
}

/** Comes after insertAtoms. Cached atoms have passed. */
export function storeCacheFacts(build: BuildId, list: readonly CacheFacts[]): Write {
  const news = tableOf(
    { id: 'integer', key: 'text', from_build: 'integer', from_atom: 'integer', reason: 'text' },
    list.map(({ id, key, decision }) => {
      const { from, reason } = { from: null, reason: null, ...decision };
      return [id, key, from?.build ?? null, from?.atom ?? null, reason];
    }),
  );
  return change(sql`
    UPDATE atoms SET
      pass_key = news.key,
      cached_build_id = news.from_build,
      cached_atom_id = news.from_atom,
      not_cached = news.reason,
      state = CASE WHEN news.from_build IS NULL THEN state ELSE 'COMPLETED' END,
      exit_code = CASE WHEN news.from_build IS NULL THEN exit_code ELSE 0 END,
      failed = CASE WHEN news.from_build IS NULL THEN failed ELSE 0 END
    FROM ${news} AS news
    WHERE build_id = ${build} AND atom_id = news.id`);
}

/** How many atoms had to run, by the reason why they were not cached; the most frequent first. */
export async function reasonsNotCached(
  db: Reader,
  build: BuildId,
): Promise<{ reason: NotCached; atoms: number }[]> {
  const rows = await db.all(
    sql`
      SELECT not_cached AS reason, count(*) AS atoms FROM atoms
      WHERE build_id = ${build} AND not_cached IS NOT NULL GROUP BY not_cached ORDER BY count(*) DESC, not_cached`,
    { reason: oneOf(...notCached), atoms: integer },
  );
  return rows;
}

/** An atom as it is handed out. */
export interface LeasedAtom extends AssignedAtom {
  /** How often it was run again. */
  readonly retries: number;
}

const leasedAtom = {
  atom_id: atoms.atom_id,
  variable: atoms.variable,
  value: atoms.value,
  num_retries: atoms.num_retries,
};

/** In order of atom. */
export async function atomsOfSubjob(db: Reader, build: BuildId, subjob: SubjobId): Promise<LeasedAtom[]> {
  const rows = await db.all(
    sql`
      SELECT atom_id, variable, value, num_retries FROM atoms
      WHERE build_id = ${build} AND subjob_id = ${subjob} ORDER BY atom_id`,
    leasedAtom,
  );
  return rows.map(({ atom_id, variable, value, num_retries }) => ({
    id: toId.atom(atom_id),
    variable,
    value,
    retries: num_retries,
  }));
}

/*
 * In the next two the plus keeps SQLite from scanning the table of news once for each atom of the subjob.
 */

interface Started {
  /** When the reported run began, in milliseconds since the epoch; null where the slave does not report it. */
  readonly startedAt?: number | null;
}

const progressColumns = {
  id: 'integer',
  state: 'text',
  exit_code: 'integer',
  seconds: 'real',
  started: 'integer',
} as const;

/** The times of an earlier lease are not those of the run that is reported now. */
const startOfThisRun = (lease: LeaseId) => sql`
  started_at = coalesce(news.started, CASE WHEN lease_id = ${lease} THEN started_at END)`;
const reportOfThisRun = (lease: LeaseId) => sql`CASE WHEN lease_id = ${lease} THEN began_at END`;

/**
 * Stores reported progress. Atoms of other subjobs and atoms with a final verdict are left as they are; a verdict that an
 * earlier attempt reported stays until this one reports its own. `now` in milliseconds. Results in the atoms whose verdict
 * was recorded.
 */
export function recordProgress(
  build: BuildId,
  subjob: SubjobId,
  lease: LeaseId,
  reported: readonly (Progress['atoms'][number] & Started)[],
  now: number,
): Write<AtomId[]> {
  const news = tableOf(
    progressColumns,
    reported.map(({ id, state, exit_code, actual_time, startedAt }) => [
      id,
      state,
      exit_code,
      actual_time,
      startedAt ?? null,
    ]),
  );
  return returning(
    sql`
      UPDATE atoms SET
        state = news.state,
        exit_code = news.exit_code,
        actual_time = news.seconds,
        began_at = CASE WHEN news.state = 'IN_PROGRESS' THEN ${now} ELSE ${reportOfThisRun(lease)} END,
        ${startOfThisRun(lease)},
        lease_id = ${lease},
        facts = NULL,
        kept_subjob_id = NULL
      FROM ${news} AS news
      WHERE build_id = ${build} AND atom_id = news.id AND +subjob_id = ${subjob} AND failed IS NULL
        AND (atoms.state <> 'COMPLETED' OR news.state = 'COMPLETED')
      RETURNING atom_id, atoms.state`,
    { atom_id: atoms.atom_id, state: atoms.state },
    (rows) => rows.flatMap(({ atom_id, state }) => (state === 'COMPLETED' ? [toId.atom(atom_id)] : [])),
  );
}

const verdictColumns = {
  id: 'integer',
  exit_code: 'integer',
  seconds: 'real',
  facts: 'text',
  started: 'integer',
} as const;

/** Fails when an atom is not the subjob's. */
export function recordVerdicts(
  build: BuildId,
  subjob: SubjobId,
  lease: LeaseId,
  verdicts: readonly (ResultReport['atoms'][number] & Started)[],
): Write {
  const news = tableOf(
    verdictColumns,
    verdicts.map(({ id, exit_code, actual_time, facts, startedAt }) => [
      id,
      exit_code,
      actual_time,
      facts === undefined ? null : JSON.stringify(facts),
      startedAt ?? null,
    ]),
  );
  return changeExactly(
    verdicts.length,
    `Recording the verdicts of subjob ${subjob} of build ${build}`,
    sql`
      UPDATE atoms SET
        state = 'COMPLETED',
        exit_code = news.exit_code,
        actual_time = news.seconds,
        failed = CASE WHEN news.exit_code = 0 THEN 0 ELSE 1 END,
        facts = news.facts,
        began_at = ${reportOfThisRun(lease)},
        ${startOfThisRun(lease)},
        lease_id = ${lease},
        kept_subjob_id = NULL
      FROM ${news} AS news
      WHERE build_id = ${build} AND atom_id = news.id AND +subjob_id = ${subjob}`,
  );
}

/**
 * Queues atoms to run again, each in the subjob that is given with it. Their reported verdict stays until the next one, but
 * is not final any more.
 */
export function retryAtoms(
  build: BuildId,
  retried: readonly { readonly id: AtomId; readonly subjob: SubjobId }[],
): Write {
  const news = tableOf(
    { id: 'integer', subjob: 'integer' },
    retried.map(({ id, subjob }) => [id, subjob]),
  );
  return change(sql`
    UPDATE atoms SET
      subjob_id = news.subjob,
      kept_subjob_id = subjob_id,
      failed = NULL,
      num_retries = num_retries + 1,
      retried_seconds = retried_seconds + coalesce(actual_time, 0),
      first_subjob_id = coalesce(first_subjob_id, subjob_id)
    FROM ${news} AS news
    WHERE build_id = ${build} AND atom_id = news.id`);
}

/** Stores how long atoms had run when their subjob was ended early. Atoms that had not begun are left as they are. */
export function recordInterrupted(
  build: BuildId,
  subjob: SubjobId,
  lease: LeaseId,
  unfinished: readonly (NonNullable<ResultReport['unfinished']>[number] & Started)[],
): Write {
  const news = tableOf(
    { id: 'integer', seconds: 'real', started: 'integer' },
    unfinished.flatMap(({ id, ran_for, startedAt }) =>
      ran_for === null ? [] : [[id, ran_for, startedAt ?? null]],
    ),
  );
  return change(sql`
    UPDATE atoms SET
      state = 'IN_PROGRESS',
      actual_time = news.seconds,
      began_at = ${reportOfThisRun(lease)},
      ${startOfThisRun(lease)},
      lease_id = ${lease}
    FROM ${news} AS news
    WHERE build_id = ${build} AND atom_id = news.id AND +subjob_id = ${subjob} AND state <> 'COMPLETED'`);
}

/** Moves atoms to another subjob. */
export function moveAtoms(build: BuildId, moved: readonly AtomId[], subjob: SubjobId): Write {
  return change(sql`
    UPDATE atoms SET subjob_id = ${subjob} WHERE build_id = ${build} AND atom_id IN ${listOf(moved)}`);
}

/** An atom that was queued to run again and has no newer verdict counts as not having run again. */
const withoutLastRetry = sql`
  num_retries = num_retries - CASE WHEN kept_subjob_id IS NULL THEN 0 ELSE 1 END,
  retried_seconds = retried_seconds - CASE WHEN kept_subjob_id IS NULL THEN 0 ELSE coalesce(actual_time, 0) END,
  subjob_id = coalesce(kept_subjob_id, subjob_id),
  kept_subjob_id = NULL`;

/**
 * Ends the atoms of a subjob that was lost too often: reported verdicts become final, and every other atom fails without
 * an exit code, which means that it is lost.
 */
export function failAtoms(build: BuildId, subjob: SubjobId): Write {
  return change(sql`
    UPDATE atoms SET
      state = 'COMPLETED',
      exit_code = CASE WHEN state = 'COMPLETED' THEN exit_code END,
      actual_time = CASE WHEN state = 'COMPLETED' THEN actual_time END,
      failed = CASE WHEN state = 'COMPLETED' AND exit_code = 0 THEN 0 ELSE 1 END,
      failure_key = CASE WHEN state = 'COMPLETED' THEN failure_key END,
      ${withoutLastRetry}
    WHERE build_id = ${build} AND subjob_id = ${subjob} AND failed IS NULL`);
}

/**
 * Ends the atoms of a build that ends early: reported verdicts become final, and atoms that ran, or had run on a slave
 * that was lost, are interrupted. `now` in milliseconds.
 */
export function settleAtoms(build: BuildId, now: number): Write[] {
  return [
    change(sql`
      UPDATE atoms SET failed = CASE WHEN exit_code = 0 THEN 0 ELSE 1 END, ${withoutLastRetry}
      WHERE build_id = ${build} AND state = 'COMPLETED' AND failed IS NULL`),
    change(sql`
      UPDATE atoms SET
        state = 'INTERRUPTED',
        actual_time = coalesce(actual_time, CASE WHEN began_at > ${now} THEN 0.0 ELSE (${now} - began_at) / 1000.0 END)
      WHERE build_id = ${build} AND state = 'IN_PROGRESS'`),
  ];
}

/** Subjobs with atoms that have begun and have no final verdict. */
export async function begunSubjobs(db: Reader, build: BuildId): Promise<number[]> {
  const rows = await db.all(
    sql`
      SELECT DISTINCT subjob_id FROM atoms
      WHERE build_id = ${build} AND state <> 'NOT_STARTED' AND failed IS NULL`,
    { subjob_id: atoms.subjob_id },
  );
  return rows.map(({ subjob_id }) => subjob_id);
}

/** By lease: the atom that runs under it and since when, in milliseconds, as last reported. */
export async function begunAtoms(
  db: Reader,
  build: BuildId,
): Promise<Map<number, { readonly atom: AtomId; readonly since: number }>> {
  const rows = await db.all(
    sql`
      SELECT atom_id, lease_id, began_at FROM atoms
      WHERE build_id = ${build} AND state = 'IN_PROGRESS' AND lease_id IS NOT NULL AND began_at IS NOT NULL`,
    { atom_id: atoms.atom_id, lease_id: integer, began_at: integer },
  );
  return new Map(
    rows.map(({ atom_id, lease_id, began_at }) => [lease_id, { atom: toId.atom(atom_id), since: began_at }]),
  );
}

/** A reported verdict that is not final. */
export interface VerdictOfAtom extends ReportedVerdict {
  readonly atom: AtomId;
  readonly subjob: SubjobId;
}

const reportedVerdict = {
  atom_id: atoms.atom_id,
  subjob_id: atoms.subjob_id,
  exit_code: atoms.exit_code,
  actual_time: atoms.actual_time,
  kept_subjob_id: atoms.kept_subjob_id,
  lease_id: atoms.lease_id,
};

export async function reportedVerdicts(db: Reader, build: BuildId): Promise<VerdictOfAtom[]> {
  const rows = await db.all(
    sql`
      SELECT atom_id, subjob_id, exit_code, actual_time, kept_subjob_id, lease_id FROM atoms
      WHERE build_id = ${build} AND state = 'COMPLETED' AND failed IS NULL`,
    reportedVerdict,
  );
  return rows.map(({ atom_id, subjob_id, exit_code, actual_time, kept_subjob_id, lease_id }) => ({
    atom: toId.atom(atom_id),
    subjob: toId.subjob(subjob_id),
    exitCode: exit_code ?? 0,
    seconds: kept_subjob_id === null ? actual_time : null,
    lease: kept_subjob_id === null && lease_id !== null ? toId.lease(lease_id) : null,
  }));
}

/** The message for an atom that was running when its build was ended. `seconds` is how long it had run. */
export function interruptionOf(seconds: number | null, slave: string | null): string {
  const after = seconds === null ? '' : ` after ${durationText(seconds)}`;
  return `It was ended with its build${after}${slave === null ? '' : ` on ${slave}`}.`;
}

const counts = sql`
  count(failed) AS done,
  coalesce(sum(failed), 0) AS failed,
  count(*) FILTER (WHERE failed = 1 AND exit_code IS NULL) AS lost,
  count(*) FILTER (WHERE failed = 0 AND num_retries > 0) AS flaky,
  count(cached_build_id) AS cached`;

const verdictCounts = {
  done: integer,
  failed: integer,
  lost: integer,
  flaky: integer,
  cached: integer,
  retries: integer,
  timed: integer,
  seconds: real,
};

/**
 * Counts the atoms of a build that have a final verdict (done), failed, were lost, and passed after a retry (flaky), and all
 * retries; `timed` atoms have a known duration, of `seconds` together.
 */
export async function countVerdicts(db: Reader, build: BuildId): Promise<Row<typeof verdictCounts>> {
  const query = sql`
    SELECT ${counts},
      coalesce(sum(num_retries), 0) AS retries,
      count(actual_time) FILTER (WHERE failed IS NOT NULL) AS timed,
      coalesce(sum(actual_time) FILTER (WHERE failed IS NOT NULL), 0.0) AS seconds
    FROM atoms WHERE build_id = ${build}`;
  const row = await db.first(query, verdictCounts);
  return row ?? { done: 0, failed: 0, lost: 0, flaky: 0, cached: 0, retries: 0, timed: 0, seconds: 0 };
}

/** Stores the counts and summed facts of its atoms in the row of the build. */
export function storeVerdictCounts(build: BuildId): Write {
  return change(sql`
    UPDATE builds SET
      num_atoms_done = counted.done,
      num_atoms_failed = counted.failed,
      num_atoms_lost = counted.lost,
      num_atoms_flaky = counted.flaky,
      num_atoms_cached = counted.cached,
      facts = (${summedFacts(build)})
    FROM (SELECT ${counts} FROM atoms WHERE build_id = ${build}) AS counted
    WHERE id = ${build}`);
}
