import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { type Kysely, type Selectable, sql } from 'kysely';
import type { ReportedVerdict } from '../../domain/reported-verdicts.js';
import type { DurationEstimate } from '../../domain/scheduling/duration-estimate.js';
import { type AtomId, type BuildId, type LeaseId, type SubjobId, toId } from '../../protocol/ids.js';
import type { AssignedAtom, Progress, ResultReport } from '../../protocol/slave/slave-messages.js';
import type { AtomsTable, Database, Writable } from './engine/database.js';

export interface NewAtom extends DurationEstimate {
  readonly id: number;
  readonly subjob: number;
  readonly variable: string;
  readonly value: string;
}

/** One statement for all, its rows in one JSON parameter: many times quicker than values lists. */
export async function insertAtoms(
  db: Kysely<Database>,
  build: BuildId,
  atoms: readonly NewAtom[],
): Promise<void> {
  const rows = atoms.map((one) => [one.id, one.subjob, one.variable, one.value, one.expected, one.stdDev]);
  await sql`
    INSERT INTO atoms (build_id, atom_id, subjob_id, variable, value, expected_time, expected_deviation)
    SELECT
      ${build}, value ->> 0, value ->> 1, value ->> 2, value ->> 3,
      CAST(value ->> 4 AS REAL), CAST(value ->> 5 AS REAL)
    FROM json_each(${JSON.stringify(rows)})`.execute(db);
}

/** An atom as it is handed out. */
export interface LeasedAtom extends AssignedAtom {
  /** How often it was run again. */
  readonly retries: number;
}

/** In order of atom. */
export async function atomsOfSubjob(
  db: Kysely<Database>,
  build: BuildId,
  subjob: SubjobId,
): Promise<LeasedAtom[]> {
  const { rows } = await sql<Selectable<Pick<AtomsTable, 'atom_id' | 'variable' | 'value' | 'num_retries'>>>`
    SELECT atom_id, variable, value, num_retries FROM atoms
    WHERE build_id = ${build} AND subjob_id = ${subjob} ORDER BY atom_id`.execute(db);
  return rows.map(({ atom_id, variable, value, num_retries }) => ({
    id: toId.atom(atom_id),
    variable,
    value,
    retries: num_retries,
  }));
}

/*
 * In these two the plus keeps SQLite from going through the list anew for each atom of the subjob.
 */

/**
 * Atoms of other subjobs, and those with a final verdict, are left as they are; a verdict that an earlier attempt
 * reported stays until this one reports its own. `now` in milliseconds. Returns the atoms whose verdict was recorded.
 */
export async function recordProgress(
  { direct }: Writable,
  build: BuildId,
  subjob: SubjobId,
  lease: LeaseId,
  atoms: Progress['atoms'],
  now: number,
): Promise<AtomId[]> {
  const rows = atoms.map(({ id, state, exit_code, actual_time }) => [id, state, exit_code, actual_time]);
  const changed = direct.all(
    `UPDATE atoms SET
       state = news.value ->> 1,
       exit_code = news.value ->> 2,
       actual_time = CAST(news.value ->> 3 AS REAL),
       began_at = iif(news.value ->> 1 = 'IN_PROGRESS', ?, began_at),
       lease_id = ?,
       facts = NULL,
       kept_subjob_id = NULL
     FROM json_each(?) AS news
     WHERE build_id = ? AND atom_id = news.value ->> 0 AND +subjob_id = ? AND failed IS NULL
       AND (state <> 'COMPLETED' OR news.value ->> 1 = 'COMPLETED')
     RETURNING iif(state = 'COMPLETED', atom_id, NULL) AS atom`,
    now,
    lease,
    JSON.stringify(rows),
    build,
    subjob,
  );
  return changed.flatMap((row) => (Value.Check(VerdictRow, row) ? [toId.atom(row.atom)] : []));
}

const VerdictRow = Type.Object({ atom: Type.Integer() });

/** @throws Error when an atom is not the subjob's. */
export async function recordVerdicts(
  { direct }: Writable,
  build: BuildId,
  subjob: SubjobId,
  lease: LeaseId,
  atoms: ResultReport['atoms'],
): Promise<void> {
  const rows = atoms.map(({ id, exit_code, actual_time, facts }) => [
    id,
    exit_code,
    actual_time,
    ...(facts === undefined ? [] : [JSON.stringify(facts)]),
  ]);
  const changed = direct.run(
    `UPDATE atoms SET
       state = 'COMPLETED',
       exit_code = news.value ->> 1,
       actual_time = CAST(news.value ->> 2 AS REAL),
       failed = (news.value ->> 1) <> 0,
       facts = news.value ->> 3,
       lease_id = ?,
       kept_subjob_id = NULL
     FROM json_each(?) AS news
     WHERE build_id = ? AND atom_id = news.value ->> 0 AND +subjob_id = ?`,
    lease,
    JSON.stringify(rows),
    build,
    subjob,
  );
  if (changed !== atoms.length) {
    throw new Error(`The verdicts of subjob ${subjob} of build ${build} do not fit its atoms.`);
  }
}

/**
 * These atoms run again, each in the subjob of its own that is given with it. Their verdict is not final any more, and
 * stays until they give another.
 */
export async function retryAtoms(
  db: Kysely<Database>,
  build: BuildId,
  atoms: readonly { readonly id: AtomId; readonly subjob: SubjobId }[],
): Promise<void> {
  for (const { id, subjob } of atoms) {
    await db
      .updateTable('atoms')
      .set((e) => ({
        subjob_id: subjob,
        kept_subjob_id: e.ref('subjob_id'),
        failed: null,
        num_retries: e('num_retries', '+', 1),
        first_subjob_id: e.fn.coalesce('first_subjob_id', 'subjob_id'),
      }))
      .where('build_id', '=', build)
      .where('atom_id', '=', id)
      .execute();
  }
}

/** Atoms that had begun when their subjob was ended early; those that had not are left as they are. */
export async function recordInterrupted(
  { direct }: Writable,
  build: BuildId,
  subjob: SubjobId,
  lease: LeaseId,
  unfinished: NonNullable<ResultReport['unfinished']>,
): Promise<void> {
  for (const { id, ran_for } of unfinished) {
    if (ran_for !== null) {
      direct.run(
        `UPDATE atoms SET state = 'IN_PROGRESS', actual_time = ?, lease_id = ?
         WHERE build_id = ? AND atom_id = ? AND subjob_id = ? AND state <> 'COMPLETED'`,
        ran_for,
        lease,
        build,
        id,
        subjob,
      );
    }
  }
}

/** These atoms belong to another subjob from now on. */
export async function moveAtoms(
  { direct }: Writable,
  build: BuildId,
  atoms: readonly AtomId[],
  subjob: SubjobId,
): Promise<void> {
  direct.run(
    `UPDATE atoms SET subjob_id = ? FROM json_each(?) AS moved WHERE build_id = ? AND atom_id = moved.value`,
    subjob,
    JSON.stringify(atoms),
    build,
  );
}

/**
 * A subjob was lost too often: what its slaves have reported becomes final, every other atom fails without an exit
 * code, which is what lost means. One that was to run again, and gave no other verdict, has not run again.
 */
export async function failAtoms({ direct }: Writable, build: BuildId, subjob: SubjobId): Promise<void> {
  direct.run(
    `UPDATE atoms SET
       state = 'COMPLETED',
       exit_code = iif(state = 'COMPLETED', exit_code, NULL),
       actual_time = iif(state = 'COMPLETED', actual_time, NULL),
       failed = iif(state = 'COMPLETED', exit_code <> 0, 1),
       num_retries = num_retries - (kept_subjob_id IS NOT NULL),
       subjob_id = coalesce(kept_subjob_id, subjob_id),
       kept_subjob_id = NULL
     WHERE build_id = ? AND subjob_id = ? AND failed IS NULL`,
    build,
    subjob,
  );
}

/**
 * The build ends before all of its work: verdicts that were reported become final, and what ran, or had run on a slave
 * that was lost, is interrupted. One that was to run again, and gave no other verdict, has not run again. `now` in
 * milliseconds.
 */
export async function settleAtoms({ direct }: Writable, build: BuildId, now: number): Promise<void> {
  direct.run(
    `UPDATE atoms SET
       failed = exit_code <> 0,
       num_retries = num_retries - (kept_subjob_id IS NOT NULL),
       subjob_id = coalesce(kept_subjob_id, subjob_id),
       kept_subjob_id = NULL
     WHERE build_id = ? AND state = 'COMPLETED' AND failed IS NULL`,
    build,
  );
  direct.run(
    `UPDATE atoms SET state = 'INTERRUPTED', actual_time = coalesce(actual_time, max(0, ? - began_at) / 1000.0)
     WHERE build_id = ? AND state = 'IN_PROGRESS'`,
    now,
    build,
  );
}

/** Subjobs that hold atoms which have begun and have no final verdict. */
export async function begunSubjobs(db: Kysely<Database>, build: BuildId): Promise<number[]> {
  const rows = await db
    .selectFrom('atoms')
    .select('subjob_id')
    .distinct()
    .where('build_id', '=', build)
    .where('state', '<>', sql.lit('NOT_STARTED'))
    .where('failed', 'is', null)
    .execute();
  return rows.map(({ subjob_id }) => subjob_id);
}

/** The atom that runs under each lease, and since when, in milliseconds, as its slave reported last. */
export async function begunAtoms(
  db: Kysely<Database>,
  build: BuildId,
): Promise<Map<number, { readonly atom: AtomId; readonly since: number }>> {
  const rows = await db
    .selectFrom('atoms')
    .select(['atom_id', 'lease_id', 'began_at'])
    .where('build_id', '=', build)
    .where('state', '=', sql.lit('IN_PROGRESS'))
    .execute();
  return new Map(
    rows.flatMap(({ atom_id, lease_id, began_at }) =>
      lease_id === null || began_at === null
        ? []
        : [[lease_id, { atom: toId.atom(atom_id), since: began_at }] as const],
    ),
  );
}

/** Verdicts that were reported and are not final. */
export interface VerdictOfAtom extends ReportedVerdict {
  readonly atom: AtomId;
  readonly subjob: SubjobId;
}

export async function reportedVerdicts(db: Kysely<Database>, build: BuildId): Promise<VerdictOfAtom[]> {
  const rows = await db
    .selectFrom('atoms')
    .select(['atom_id', 'subjob_id', 'exit_code', 'actual_time', 'kept_subjob_id', 'lease_id'])
    .where('build_id', '=', build)
    .where('state', '=', sql.lit('COMPLETED'))
    .where('failed', 'is', null)
    .execute();
  return rows.map(({ atom_id, subjob_id, exit_code, actual_time, kept_subjob_id, lease_id }) => ({
    atom: toId.atom(atom_id),
    subjob: toId.subjob(subjob_id),
    exitCode: exit_code ?? 0,
    seconds: kept_subjob_id === null ? actual_time : null,
    lease: kept_subjob_id === null && lease_id !== null ? toId.lease(lease_id) : null,
  }));
}

/** What is said of an atom that was running when its build was ended. `seconds` is how long it had run. */
export function interruptionOf(seconds: number | null, slave: string | null): string {
  const after = seconds === null ? '' : ` after ${seconds.toFixed(1)} s`;
  return `It was ended with its build${after}${slave === null ? '' : ` on ${slave}`}.`;
}

/**
 * How many atoms of a build have a verdict, how many of these failed, of those were lost, passed after a retry; and of how
 * many it is known what they took, with the sum of it in seconds.
 */
export async function countVerdicts(
  db: Kysely<Database>,
  build: BuildId,
): Promise<Record<'done' | 'failed' | 'lost' | 'flaky' | 'retries' | 'timed' | 'seconds', number>> {
  return await db
    .selectFrom('atoms')
    .select((e) => [
      e.fn.count<number>('failed').as('done'),
      e.fn.coalesce(e.fn.sum<number>('failed'), e.lit(0)).as('failed'),
      sql<number>`count(*) FILTER (WHERE failed = 1 AND exit_code IS NULL)`.as('lost'),
      sql<number>`count(*) FILTER (WHERE failed = 0 AND num_retries > 0)`.as('flaky'),
      sql<number>`coalesce(sum(num_retries), 0)`.as('retries'),
      sql<number>`count(actual_time) FILTER (WHERE failed IS NOT NULL)`.as('timed'),
      sql<number>`coalesce(sum(actual_time) FILTER (WHERE failed IS NOT NULL), 0.0)`.as('seconds'),
    ])
    .where('build_id', '=', build)
    .executeTakeFirstOrThrow();
}
