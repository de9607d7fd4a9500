import type { Kysely } from 'kysely';
import type { BuildId } from '../../protocol/ids.js';
import {
  addFacts,
  noFacts,
  type ResultFacts,
  ResultFactsSchema,
} from '../../protocol/results/result-facts.js';
import type { Database } from './engine/database.js';
import { jsonColumn } from './engine/json.js';

const parse = jsonColumn(ResultFactsSchema, 'facts');

/** Of a row of `atoms` or `builds`. */
export function readFacts(column: string | null): ResultFacts {
  return column === null ? noFacts : parse(column);
}

/** null where there is nothing to say. */
export function factsColumn(facts: ResultFacts): string | null {
  const { tests, num_bad_reports, num_left_out } = facts;
  return tests === null && num_bad_reports === 0 && num_left_out === 0 ? null : JSON.stringify(facts);
}

/** Of all atoms of a build that have their verdict. */
export async function sumFacts(db: Kysely<Database>, build: BuildId): Promise<ResultFacts> {
  const rows = await db
    .selectFrom('atoms')
    .select('facts')
    .where('build_id', '=', build)
    .where('facts', 'is not', null)
    .where('failed', 'is not', null)
    .execute();
  return rows.reduce((sum, { facts }) => addFacts(sum, readFacts(facts)), noFacts);
}
