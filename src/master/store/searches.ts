import type {
  AtomOrder,
  SoughtAtomState,
  SoughtBuildStatus,
} from '../../protocol/build/search-parameters.js';
import type { BuildId } from '../../protocol/ids.js';
import { integer, nullable, type Row, real, text } from './engine/columns.js';
import type { Reader } from './engine/engine.js';
import { jsonText, listOf, type Sql, sql } from './engine/sql.js';
import { groupOfAtom } from './stored-failures.js';

/*
 * Searches through all atoms of a build, or all builds, range by range: a caller lets others run between two ranges. The
 * texts of the statements do not depend on the search, since every text stays prepared.
 */

/** Atoms to look for; null: any. */
export interface AtomCriteria {
  readonly states: readonly SoughtAtomState[] | null;
  readonly text: string;
  readonly slave: string | null;
  /** Bounds of the duration, in seconds. */
  readonly least: number | null;
  readonly most: number | null;
  /** See stored-failures. */
  readonly group: string | null;
}

const isReported = sql`atoms.state = 'COMPLETED' AND atoms.kept_subjob_id IS NULL`;
const state = sql`
  CASE
    WHEN atoms.state = 'INTERRUPTED' THEN 'interrupted'
    WHEN atoms.state = 'NOT_STARTED' THEN 'not_started'
    WHEN NOT (${isReported}) THEN 'in_progress'
    WHEN atoms.exit_code = 0 THEN 'passed'
    WHEN atoms.exit_code IS NULL THEN 'lost'
    ELSE 'failed'
  END`;
const isFlaky = sql`${isReported} AND atoms.exit_code = 0 AND atoms.num_retries > 0`;

/** The value by which atoms are sorted. Smaller is first for `failed_first`: what needs somebody's attention. */
const keys = {
  none: sql`NULL`,
  duration: sql`atoms.actual_time`,
  name: sql`atoms.variable || '=' || atoms.value`,
  started: sql`coalesce(atoms.started_at, atoms.began_at)`,
  failed: sql`
    CASE WHEN ${isFlaky} THEN 3 ELSE
      CASE ${state}
        WHEN 'failed' THEN 0 WHEN 'lost' THEN 0 WHEN 'interrupted' THEN 1 WHEN 'in_progress' THEN 2
        WHEN 'not_started' THEN 4 ELSE 5
      END
    END`,
} satisfies Record<string, Sql>;

const keyOf: Readonly<Record<AtomOrder, Sql>> = {
  id: keys.none,
  duration: keys.duration,
  '-duration': keys.duration,
  name: keys.name,
  started: keys.started,
  '-started': keys.started,
  failed_first: keys.failed,
};

const foundNumber = { id: integer, key: nullable(real), total: integer };
const foundName = { id: integer, key: text, total: integer };
/** An atom that was found, with the value by which it is sorted; `total` were found in its range. */
export type FoundAtom = Row<typeof foundNumber> | Row<typeof foundName>;

const joinOfSlaves = sql`
  JOIN leases ON leases.id = atoms.lease_id
  JOIN slaves ON slaves.id = leases.slave_id AND slaves.name = `;

/** A part of the atoms of a build: from an id to another one, exclusive, and how many of those that match are wanted. */
export interface AtomRange {
  readonly from: number;
  readonly to: number;
  readonly most: number;
}

/** The first of those atoms that match, in this order. */
export function searchAtoms(
  db: Reader,
  build: BuildId,
  { states, text: sought, slave, least, most, group }: AtomCriteria,
  order: AtomOrder,
  range: AtomRange,
): Promise<FoundAtom[]> {
  const wanted = listOf(states ?? ['any']);
  const query = sql`
    WITH found AS MATERIALIZED (
      SELECT atoms.atom_id AS id, ${keyOf[order]} AS key
      FROM atoms ${slave === null ? sql`` : sql`${joinOfSlaves}${slave}`}
      WHERE atoms.build_id = ${build} AND atoms.atom_id >= ${range.from} AND atoms.atom_id < ${range.to}
        AND ('any' IN ${wanted} OR ${state} IN ${wanted} OR (${isFlaky} AND 'flaky' IN ${wanted}))
        AND (${least} IS NULL OR atoms.actual_time >= ${least})
        AND (${most} IS NULL OR atoms.actual_time <= ${most})
        AND (${group} IS NULL OR ${groupOfAtom} = ${group})
        AND (${sought} = '' OR lower(atoms.variable || '=' || atoms.value) LIKE ${containing(sought)} ESCAPE '!')
    )
    SELECT id, key, (SELECT count(*) FROM found) AS total
    FROM found ORDER BY key IS NULL, key ${order.startsWith('-') ? sql`DESC` : sql`ASC`}, id LIMIT ${range.most}`;
  return order === 'name' ? db.all(query, foundName) : db.all(query, foundNumber);
}

/** Builds to look for; null: any. */
export interface BuildCriteria {
  readonly status: SoughtBuildStatus | null;
  readonly text: string;
  readonly ids: readonly BuildId[] | null;
}

const status = sql`
  CASE
    WHEN state IN ('QUEUED', 'PREPARING', 'BUILDING') THEN 'BUILDING'
    WHEN state = 'FINISHED' AND num_atoms_failed = 0 THEN 'SUCCESS'
    ELSE 'FAILURE'
  END`;
/** With line ends in between, which no sought text has by accident. */
const description = sql`
  lower(
    coalesce(${jsonText('listed_request', 'branch')}, '') || char(10) ||
    coalesce(${jsonText('listed_request', 'hash')}, '') || char(10) ||
    coalesce(${jsonText('listed_request', 'requested_by')}, '') || char(10) ||
    coalesce(${jsonText('listed_request', 'job_name')}, '') || char(10) ||
    coalesce(${jsonText('listed_request', 'url')}, '') || char(10) ||
    coalesce(${jsonText('listed_request', 'project_directory')}, '') || char(10) ||
    coalesce(${jsonText('job', 'name')}, '') || char(10) ||
    coalesce(commit_hash, '') || char(10) ||
    coalesce(${jsonText('revision', 'branch')}, '') || char(10) ||
    coalesce(${jsonText('revision', 'commit')}, '') || char(10) ||
    coalesce(${jsonText('revision', 'subject')}, ''))`;

const searched = { id: integer, matches: integer };

/** The next builds after `after`, at most `limit`, oldest first, and whether each matches (1 or 0). */
export function searchBuilds(
  db: Reader,
  { status: wanted, text: sought, ids }: BuildCriteria,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<Row<typeof searched>[]> {
  return db.all(
    sql`
      SELECT id,
        (${wanted} IS NULL OR ${wanted} IN (state, ${status}))
          AND (${sought} = '' OR ${description} LIKE ${containing(sought)} ESCAPE '!') AS matches
      FROM builds WHERE id > ${after} ${ids === null ? sql`` : sql`AND id IN ${listOf(ids)}`} ORDER BY id LIMIT ${limit}`,
    searched,
  );
}

/** A pattern for LIKE; the text is escaped by `!`. */
function containing(sought: string): string {
  return `%${lowerCased(sought).replace(/[!%_]/g, '!$&')}%`;
}

/** As the function `lower` of SQLite, which knows no letters beyond A to Z. */
function lowerCased(sought: string): string {
  return sought.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
