import type { BuildId } from '../../protocol/ids.js';
import { noFacts, type ResultFacts, ResultFactsSchema } from '../../protocol/results/result-facts.js';
import { jsonColumn } from './engine/columns.js';
import type { Reader } from './engine/engine.js';
import { jsonNumber, type Sql, sql } from './engine/sql.js';
import { builds } from './tables.js';

const parse = jsonColumn(ResultFactsSchema, 'facts');

/** Reads the column `facts` of `atoms` or `builds`. */
export function readFacts(column: string | null): ResultFacts {
  return column === null ? noFacts : parse(column);
}

/** null for facts that are all zero. */
export function factsColumn(facts: ResultFacts): string | null {
  const { tests, num_bad_reports, num_left_out } = facts;
  return tests === null && num_bad_reports === 0 && num_left_out === 0 ? null : JSON.stringify(facts);
}

/** Selects the sum of the facts of a build's atoms with a final verdict: addFacts and factsColumn in SQL. */
export function summedFacts(build: BuildId): Sql {
  return sql`
    SELECT CASE WHEN tests IS NOT NULL OR bad_reports > 0 OR left_out > 0 THEN
      '{"tests":' || coalesce('{"tests":' || tests || ',"failures":' || failures || ',"errors":' || errors
        || ',"skipped":' || skipped || '}', 'null')
      || ',"num_bad_reports":' || bad_reports || ',"num_left_out":' || left_out || '}' END AS facts
    FROM (
      SELECT sum(${jsonNumber('facts', 'tests', 'tests')}) AS tests,
        sum(${jsonNumber('facts', 'tests', 'failures')}) AS failures,
        sum(${jsonNumber('facts', 'tests', 'errors')}) AS errors,
        sum(${jsonNumber('facts', 'tests', 'skipped')}) AS skipped,
        coalesce(sum(${jsonNumber('facts', 'num_bad_reports')}), 0) AS bad_reports,
        coalesce(sum(${jsonNumber('facts', 'num_left_out')}), 0) AS left_out
      FROM atoms WHERE build_id = ${build} AND facts IS NOT NULL AND failed IS NOT NULL
    ) AS sums`;
}

/** See summedFacts. */
export async function sumFacts(db: Reader, build: BuildId): Promise<ResultFacts> {
  const row = await db.first(summedFacts(build), { facts: builds.facts });
  return readFacts(row?.facts ?? null);
}
