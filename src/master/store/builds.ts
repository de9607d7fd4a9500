import { type Static, Type } from '@sinclair/typebox';
import {
  type Affected,
  AffectedSchema,
  type BuildRequest,
  BuildRequestSchema,
} from '../../protocol/build/build.js';
import { type NamedJob, NamedJobSchema } from '../../protocol/build/job.js';
import { type Revision, RevisionSchema } from '../../protocol/build/revision.js';
import { type BuildId, toId } from '../../protocol/ids.js';
import type { ResultFacts } from '../../protocol/results/result-facts.js';
import { integer, jsonColumn, type Row } from './engine/columns.js';
import type { Reader } from './engine/engine.js';
import { assignments, listOf, type Parameter, sql } from './engine/sql.js';
import { changeExactly, returningOne, type Write } from './engine/write.js';
import { factsColumn } from './facts-column.js';
import { type BuildRow, builds } from './tables.js';

const second = Type.Optional(Type.Number());
const TimestampsSchema = Type.Object(
  { QUEUED: second, PREPARING: second, BUILDING: second, FINISHED: second, CANCELED: second, ERROR: second },
  { additionalProperties: false },
);

export const readRequest = jsonColumn(BuildRequestSchema, 'builds.request');
export const readTimestamps = jsonColumn(TimestampsSchema, 'builds.timestamps');
export const readRevision = jsonColumn(RevisionSchema, 'builds.revision');
export const readAffected = jsonColumn(AffectedSchema, 'builds.affected');
export const readAffectedAtoms = jsonColumn(Type.Array(Type.Integer()), 'builds.affected_atoms');
export const readJobColumn = jsonColumn(NamedJobSchema, 'builds.job');
/** Reads the column `losses` of `builds` and `subjobs`. */
export const readLosses = jsonColumn(Type.Array(Type.String()), 'losses');

/** Results in the id. */
export function insertBuild(request: BuildRequest, timestamps: object): Write<BuildId> {
  return returningOne(
    sql`
      INSERT INTO builds (request, listed_request, state, timestamps)
      VALUES (${JSON.stringify(request)}, ${JSON.stringify(listedRequest(request))}, 'QUEUED',
        ${JSON.stringify(timestamps)})
      RETURNING id`,
    { id: builds.id },
    ({ id }) => toId.build(id),
  );
}

type JsonColumn =
  | 'request'
  | 'listed_request'
  | 'timestamps'
  | 'job'
  | 'revision'
  | 'losses'
  | 'facts'
  | 'affected'
  | 'affected_atoms';

/** New values of columns. Where the database has JSON, the value that it stands for. */
export interface BuildChanges extends Partial<Omit<BuildRow, 'id' | JsonColumn>> {
  readonly timestamps?: Static<typeof TimestampsSchema>;
  readonly job?: NamedJob;
  readonly revision?: Revision | null;
  readonly losses?: readonly string[];
  readonly facts?: ResultFacts;
  readonly affected?: Affected | null;
  readonly affected_atoms?: readonly number[] | null;
}

/** Fails when there is no such build. */
export function updateBuild(build: BuildId, { facts, ...changes }: BuildChanges): Write {
  const columns: Record<string, Parameter> = facts === undefined ? {} : { facts: factsColumn(facts) };
  for (const [name, value] of Object.entries(changes)) {
    columns[name] = typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
  }
  return changeExactly(
    1,
    `Build ${build}`,
    sql`UPDATE builds SET ${assignments(columns)} WHERE id = ${build}`,
  );
}

export function findBuild(db: Reader, build: BuildId): Promise<BuildRow | undefined> {
  return db.first(sql`SELECT * FROM builds WHERE id = ${build}`, builds);
}

const head = { job: builds.job, num_atoms: builds.num_atoms, num_subjobs: builds.num_subjobs };
export type BuildHead = Row<typeof head>;

/** The part of a build that a list of its subjobs or atoms needs; its request may have megabytes. */
export function findBuildHead(db: Reader, build: BuildId): Promise<BuildHead | undefined> {
  return db.first(sql`SELECT job, num_atoms, num_subjobs FROM builds WHERE id = ${build}`, head);
}

const course = {
  state: builds.state,
  timestamps: builds.timestamps,
  num_atoms: builds.num_atoms,
  attempt: builds.attempt,
  ended_at: builds.ended_at,
};
export type BuildCourse = Row<typeof course>;

/** When a build entered its states, and how much there is of it. */
export function findBuildCourse(db: Reader, build: BuildId): Promise<BuildCourse | undefined> {
  return db.first(
    sql`SELECT state, timestamps, num_atoms, attempt, ended_at FROM builds WHERE id = ${build}`,
    course,
  );
}

/** The part of a request that lists show, without what may have megabytes. */
export function listedRequest(request: BuildRequest): BuildRequest {
  const { config: _, atoms_override: __, changed_files: ___, ...listed } = request;
  return listed;
}

/**
 * Which builds. After the build `after` when it is given, in their order, however many have been forgotten meanwhile;
 * otherwise from the offset.
 */
export interface BuildRowsPage {
  readonly offset: number;
  readonly limit: number;
  readonly after?: BuildId;
  readonly order?: 'oldest' | 'newest';
}

/** With the part of their requests that is listed, and without their jobs: all that is small. */
const listedColumns = sql`
  id, listed_request AS request, state, timestamps, NULL AS job, commit_hash, revision, num_atoms,
  num_subjobs, planned_executors, assumed_seconds, num_subjobs_done, num_atoms_done, num_atoms_failed,
  num_atoms_lost, num_atoms_flaky, num_atoms_cached, surroundings, facts, error_message, stopping, stopping_state,
  ended_at, attempt, lease_id, losses, listed_request, affected, NULL AS affected_atoms`;

/** Rows as lists of builds need them; the oldest come first unless said otherwise. */
export async function pageOfBuilds(
  db: Reader,
  { offset, limit, after, order }: BuildRowsPage,
): Promise<{ rows: BuildRow[]; total: number }> {
  const count = await db.first(sql`SELECT count(*) AS total FROM builds`, { total: integer });
  const skipped = after === undefined ? offset : 0;
  const page =
    order === 'newest'
      ? sql`id < ${after ?? Number.MAX_SAFE_INTEGER} ORDER BY id DESC LIMIT ${limit} OFFSET ${skipped}`
      : sql`id > ${after ?? 0} ORDER BY id LIMIT ${limit} OFFSET ${skipped}`;
  const rows = await db.all(sql`SELECT ${listedColumns} FROM builds WHERE ${page}`, builds);
  return { rows, total: count?.total ?? 0 };
}

/** The same rows of these builds, in the order of `chosen`, without those that have been forgotten. */
export async function chosenBuilds(db: Reader, chosen: readonly BuildId[]): Promise<BuildRow[]> {
  const query = sql`SELECT ${listedColumns} FROM builds WHERE id IN ${listOf(chosen)}`;
  const byId = new Map<number, BuildRow>((await db.all(query, builds)).map((row) => [row.id, row]));
  return chosen.flatMap((id) => byId.get(id) ?? []);
}

/** Oldest first. */
export function unfinishedBuilds(db: Reader): Promise<BuildRow[]> {
  return db.all(
    sql`SELECT * FROM builds WHERE state IN ('QUEUED', 'PREPARING', 'BUILDING') ORDER BY id`,
    builds,
  );
}
