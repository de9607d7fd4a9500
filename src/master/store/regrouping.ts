import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { DurationEstimate } from '../../domain/scheduling/duration-estimate.js';
import type { Regrouped } from '../../domain/scheduling/grouping-plan.js';
import type { BuildId, SubjobId } from '../../protocol/ids.js';
import type { ListedAtom } from '../../protocol/slave/slave-messages.js';
import { real } from './engine/columns.js';
import type { Reader } from './engine/engine.js';
import { listOf, sql, tableOf } from './engine/sql.js';
import { changeExactly, type Write } from './engine/write.js';
import { insertSubjobs, subjobTable } from './subjobs.js';
import { atoms } from './tables.js';

const CHUNK = 5_000;

export interface WaitingAtom extends DurationEstimate, ListedAtom {
  readonly id: number;
  readonly subjob: number;
}

const waitingAtom = {
  id: atoms.atom_id,
  subjob: atoms.subjob_id,
  variable: atoms.variable,
  value: atoms.value,
  expected: atoms.expected_time,
  deviation: real,
};

/** The atoms of these subjobs. */
export async function atomsThatWait(
  db: Reader,
  build: BuildId,
  subjobs: readonly SubjobId[],
): Promise<WaitingAtom[]> {
  const waiting: WaitingAtom[] = [];
  for (const some of chunksOf(subjobs)) {
    const wanted = tableOf(
      { id: 'integer' },
      some.map((id) => [id]),
    );
    const rows = await db.all(
      sql`
        SELECT atom_id AS id, subjob_id AS subjob, variable, value, expected_time AS expected,
          coalesce(expected_deviation, 0) AS deviation
        FROM ${wanted} AS wanted CROSS JOIN atoms
        WHERE atoms.build_id = ${build} AND atoms.subjob_id = wanted.id`,
      waitingAtom,
    );
    waiting.push(...rows.map(({ deviation, ...atom }) => ({ ...atom, stdDev: deviation })));
    await yieldToEventLoop();
  }
  return waiting;
}

/**
 * Stores new groups in place of subjobs that were never leased. `known` are the ids of subjobs that exist already. Fails
 * when one of them was leased, or an atom is not in the expected subjob.
 */
export function storeRegrouped(
  build: BuildId,
  { groups, dropped }: Regrouped,
  known: ReadonlySet<SubjobId>,
): Write[] {
  const rows = groups.map((group) => ({ ...group, atoms: group.atoms.length }));
  const places = groups.flatMap(({ id, atoms: ofGroup }) => ofGroup.map((atom) => [atom, id]));
  const exactly = (rows: number, what: string) => [rows, `Regrouping ${what} of build ${build}`] as const;
  return [
    ...chunksOf(rows.filter(({ id }) => known.has(id))).map((some) =>
      changeExactly(
        ...exactly(some.length, 'subjobs'),
        sql`
          UPDATE subjobs SET
            num_atoms = news.atoms, expected_time = news.expected, expected_deviation = news.deviation
          FROM ${subjobTable(some)} AS news
          WHERE build_id = ${build} AND subjob_id = news.id AND state = 'QUEUED' AND attempt = 0`,
      ),
    ),
    ...chunksOf(dropped).map((some) =>
      changeExactly(
        ...exactly(some.length, 'dropped subjobs'),
        sql`
          DELETE FROM subjobs
          WHERE build_id = ${build} AND subjob_id IN ${listOf(some)} AND state = 'QUEUED' AND attempt = 0`,
      ),
    ),
    insertSubjobs(
      build,
      rows.filter(({ id }) => !known.has(id)),
    ),
    ...chunksOf(places).map((some) =>
      changeExactly(
        ...exactly(some.length, 'atoms'),
        sql`
          UPDATE atoms SET subjob_id = news.subjob
          FROM ${tableOf({ id: 'integer', subjob: 'integer' }, some)} AS news
          WHERE build_id = ${build} AND atom_id = news.id AND state = 'NOT_STARTED'`,
      ),
    ),
  ];
}

/** A statement for so many rows blocks the process for a few milliseconds only. */
function chunksOf<T>(all: readonly T[]): T[][] {
  const chunks: T[][] = [];
  for (let at = 0; at < all.length; at += CHUNK) {
    chunks.push(all.slice(at, at + CHUNK));
  }
  return chunks;
}
