import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import type { DurationEstimate } from '../../domain/scheduling/duration-estimate.js';
import type { Regrouped } from '../../domain/scheduling/grouping-plan.js';
import type { BuildId, SubjobId } from '../../protocol/ids.js';
import type { Database } from './engine/database.js';
import { insertSubjobs } from './subjobs.js';

const CHUNK = 5_000;

export interface WaitingAtom extends DurationEstimate {
  readonly id: number;
  readonly subjob: number;
}

/** The atoms of these subjobs. */
export async function atomsThatWait(
  db: Kysely<Database>,
  build: BuildId,
  subjobs: readonly SubjobId[],
): Promise<WaitingAtom[]> {
  const atoms: WaitingAtom[] = [];
  for (let at = 0; at < subjobs.length; at += CHUNK) {
    const { rows } = await sql<{ id: number; subjob: number; expected: number | null; stdDev: number }>`
      SELECT atom_id AS id, subjob_id AS subjob, expected_time AS expected,
        coalesce(expected_deviation, 0) AS stdDev
      FROM json_each(${JSON.stringify(subjobs.slice(at, at + CHUNK))}) AS wanted
      CROSS JOIN atoms ON atoms.build_id = ${build} AND atoms.subjob_id = wanted.value`.execute(db);
    atoms.push(...rows);
    await yieldToEventLoop();
  }
  return atoms;
}

/**
 * Writes other groups for subjobs that were never given to a slave. `known` are those that there were before.
 * @throws Error when one of them was given to a slave, or an atom is not where it should be.
 */
export async function storeRegrouped(
  db: Kysely<Database>,
  build: BuildId,
  { groups, dropped }: Regrouped,
  known: ReadonlySet<SubjobId>,
): Promise<void> {
  const kept = groups.filter(({ id }) => known.has(id));
  await inChunks(kept, async (some) => {
    const rows = some.map(({ id, atoms, expected, stdDev }) => [id, atoms.length, expected, stdDev]);
    const { numAffectedRows } = await sql`
      UPDATE subjobs SET
        num_atoms = news.value ->> 1,
        expected_time = CAST(news.value ->> 2 AS REAL),
        expected_deviation = CAST(news.value ->> 3 AS REAL)
      FROM json_each(${JSON.stringify(rows)}) AS news
      WHERE build_id = ${build} AND subjob_id = news.value ->> 0 AND state = 'QUEUED' AND attempt = 0
    `.execute(db);
    expectRows(numAffectedRows, some.length, 'subjobs');
  });
  await inChunks(dropped, async (some) => {
    const { numAffectedRows } = await sql`
      DELETE FROM subjobs
      WHERE build_id = ${build} AND subjob_id IN (SELECT value FROM json_each(${JSON.stringify(some)}))
        AND state = 'QUEUED' AND attempt = 0`.execute(db);
    expectRows(numAffectedRows, some.length, 'dropped subjobs');
  });
  await insertSubjobs(
    db,
    build,
    groups.filter(({ id }) => !known.has(id)).map((group) => ({ ...group, atoms: group.atoms.length })),
  );
  const places = groups.flatMap(({ id, atoms }) => atoms.map((atom) => [atom, id] as const));
  await inChunks(places, async (some) => {
    const { numAffectedRows } = await sql`
      UPDATE atoms SET subjob_id = news.value ->> 1
      FROM json_each(${JSON.stringify(some)}) AS news
      WHERE build_id = ${build} AND atom_id = news.value ->> 0 AND state = 'NOT_STARTED'`.execute(db);
    expectRows(numAffectedRows, some.length, 'atoms');
  });

  function expectRows(changed: bigint | undefined, wanted: number, what: string): void {
    if (changed !== BigInt(wanted)) {
      throw new Error(
        `WaitingRegrouper build ${build}: ${changed} ${what} changed in the store, not ${wanted}.`,
      );
    }
  }
}

async function inChunks<T>(all: readonly T[], write: (some: readonly T[]) => Promise<void>): Promise<void> {
  for (let at = 0; at < all.length; at += CHUNK) {
    await write(all.slice(at, at + CHUNK));
    await yieldToEventLoop();
  }
}
