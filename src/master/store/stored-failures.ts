import { type AtomId, type BuildId, type LeaseId, toId } from '../../protocol/ids.js';
import { type AtomView, atomsWhere, atomView } from './atom-views.js';
import { integer, text } from './engine/columns.js';
import type { Reader } from './engine/engine.js';
import { type Sql, sql, tableOf } from './engine/sql.js';
import { change, type Write } from './engine/write.js';
import { atoms, failureGroups } from './tables.js';

/*
 * The groups of failed atoms; see protocol/build/failure-group.
 */

/** So many groups of a build have lines of their own: with 2 KiB each a few mebibytes. Further failures are of one group. */
const MAX_GROUPS = 1000;

/** The group of a failed atom; `lines` are null for a group without lines in common. */
export interface GroupedFailure {
  readonly id: AtomId;
  readonly key: string;
  readonly lines: string | null;
}

/** A failure whose output is not known. */
export interface UnknownFailure {
  readonly id: AtomId;
  readonly key: null;
}

const newsColumns = { id: 'integer', key: 'text', lines: 'text' } as const;

function newsOf(failures: readonly (GroupedFailure | UnknownFailure)[]) {
  return tableOf(
    newsColumns,
    failures.map((one) => [one.id, one.key, one.key === null ? null : one.lines]),
  );
}

/** The atom's key, unless its group has no place any more. */
const keyWithinLimit = (build: BuildId): Sql => sql`
  CASE
    WHEN news.lines IS NULL OR EXISTS (
      SELECT 1 FROM failure_groups WHERE failure_groups.build_id = ${build} AND failure_groups.key = news.key
    ) THEN news.key
    ELSE 'other'
  END`;

function insertGroups(build: BuildId, failures: readonly GroupedFailure[]): Write {
  return change(sql`
    INSERT OR IGNORE INTO failure_groups (build_id, key, lines)
    SELECT ${build}, key, lines FROM ${newsOf(failures)} AS news
    WHERE lines IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM failure_groups WHERE failure_groups.build_id = ${build} AND failure_groups.key = news.key)
    GROUP BY key
    LIMIT max(0, ${MAX_GROUPS} - (SELECT count(*) FROM failure_groups WHERE build_id = ${build}))`);
}

/**
 * Stores the groups of all failures that a report under a lease has, after their verdicts. `key` is null for a failure whose
 * lines the slave did not send.
 */
export function recordFailures(
  build: BuildId,
  lease: LeaseId,
  failures: readonly (GroupedFailure | UnknownFailure)[],
): Write[] {
  return [
    insertGroups(
      build,
      failures.flatMap((one) => (one.key === null ? [] : [one])),
    ),
    change(sql`
      UPDATE atoms SET failure_key = ${keyWithinLimit(build)}
      FROM ${newsOf(failures)} AS news
      WHERE build_id = ${build} AND atom_id = news.id AND lease_id = ${lease} AND exit_code <> 0`),
  ];
}

/** Stores the groups of atoms whose verdict is final and which have none. */
export function addFailures(build: BuildId, failures: readonly GroupedFailure[]): Write[] {
  return [
    insertGroups(build, failures),
    change(sql`
      UPDATE atoms SET failure_key = ${keyWithinLimit(build)}
      FROM ${newsOf(failures)} AS news
      WHERE build_id = ${build} AND atom_id = news.id AND failed = 1 AND failure_key IS NULL`),
  ];
}

/** Its verdict counts so far: it does not run again. */
const counts = sql`atoms.state = 'COMPLETED' AND atoms.kept_subjob_id IS NULL AND atoms.exit_code <> 0`;
/** The key of the group that an atom belongs to; NULL for one that has not failed. */
export const groupOfAtom = sql`
  CASE
    WHEN atoms.state <> 'COMPLETED' OR atoms.kept_subjob_id IS NOT NULL OR atoms.exit_code = 0 THEN NULL
    WHEN atoms.exit_code IS NULL THEN 'lost'
    ELSE coalesce(atoms.failure_key, CASE WHEN atoms.failed = 1 THEN 'unknown' END)
  END`;
/** The index atoms_in_groups has everything that these need; likewise atoms_in_no_group. */
const isGrouped = sql`atoms.failure_key IS NOT NULL AND ${counts}`;
const isInNoGroup = sql`atoms.failed = 1 AND atoms.failure_key IS NULL`;

/** The size of a group, and its first atom. */
interface GroupSize {
  readonly atoms: number;
  readonly first: number;
}

const groupSize = { atoms: integer, first: integer };

/** The sizes of the groups by their keys. */
export async function countFailures(db: Reader, build: BuildId): Promise<Map<string, GroupSize>> {
  const grouped = await db.all(
    sql`
      SELECT failure_key AS key, count(*) AS atoms, min(atom_id) AS first FROM atoms
      WHERE build_id = ${build} AND ${isGrouped} GROUP BY failure_key`,
    { key: text, ...groupSize },
  );
  const others = await db.all(
    sql`
      SELECT CASE WHEN exit_code IS NULL THEN 'lost' ELSE 'unknown' END AS key,
        count(*) AS atoms, min(atom_id) AS first
      FROM atoms
      WHERE build_id = ${build} AND ${isInNoGroup} GROUP BY exit_code IS NULL`,
    { key: text, ...groupSize },
  );
  const counted = new Map<string, GroupSize>();
  for (const { key, ...size } of [...grouped, ...others]) {
    const { atoms: number, first } = counted.get(key) ?? { atoms: 0, first: size.first };
    counted.set(key, { atoms: number + size.atoms, first: Math.min(first, size.first) });
  }
  return counted;
}

/** The lines of groups that have some, by key. */
export async function linesOfGroups(db: Reader, build: BuildId): Promise<Map<string, string>> {
  const rows = await db.all(sql`SELECT key, lines FROM failure_groups WHERE build_id = ${build}`, {
    key: failureGroups.key,
    lines: failureGroups.lines,
  });
  return new Map(rows.map(({ key, lines }) => [key, lines]));
}

/** Its verdict is final, and its output is not known. */
const isUnknown = sql`
  atoms.failed = 1 AND atoms.exit_code IS NOT NULL AND coalesce(atoms.failure_key, 'unknown') = 'unknown'`;
const isLost = sql`${isInNoGroup} AND atoms.exit_code IS NULL`;

/** The first atoms of a group, in order of atom. */
export function atomsOfGroup(db: Reader, build: BuildId, key: string, limit: number): Promise<AtomView[]> {
  const ofGroup =
    key === 'lost' ? isLost : key === 'unknown' ? isUnknown : sql`atoms.failure_key = ${key} AND ${counts}`;
  return db.all(atomsWhere(build, sql`${ofGroup} ORDER BY atoms.atom_id LIMIT ${limit}`), atomView);
}

/** Atoms with a final failure whose output was not sent and not read, in order of atom. */
export async function failuresToRead(
  db: Reader,
  build: BuildId,
  limit: number,
): Promise<{ readonly id: AtomId; readonly value: string }[]> {
  const rows = await db.all(
    sql`
      SELECT atom_id, value FROM atoms
      WHERE build_id = ${build} AND ${isInNoGroup} AND atoms.exit_code IS NOT NULL
      ORDER BY atom_id LIMIT ${limit}`,
    { atom_id: atoms.atom_id, value: atoms.value },
  );
  return rows.map(({ atom_id, value }) => ({ id: toId.atom(atom_id), value }));
}
