import { expect } from 'chai';
import {
  assignments,
  compile,
  type Dialect,
  jsonNumber,
  jsonText,
  listOf,
  sql,
  tableOf,
} from '../../../../../src/master/store/engine/sql.js';
import { sqliteDialect } from '../../../../../src/master/store/engine/sqlite-engine.js';

/** As PostgreSQL writes it. */
const numbered: Dialect = {
  placeholder: (position) => `$${position}`,
  list: (placeholder) => `(SELECT jsonb_array_elements(${placeholder}::jsonb))`,
  table: (placeholder, columns) =>
    `jsonb_to_recordset(${placeholder}::jsonb) AS (${Object.keys(columns).join(', ')})`,
  jsonNumber: (column, path) => `(${column}::jsonb #>> '{${path.join(',')}}')::bigint`,
  jsonArray: (column) => `jsonb_agg(${column})`,
  jsonText: (column, path) => `(${column}::jsonb #>> '{${path.join(',')}}')`,
};

describe('compile of a statement', () => {
  it('makes a parameter of every value, whatever text it holds, and numbers them in the order of the text', () => {
    const part = sql`b = ${"'; DROP TABLE x; --"}`;
    const statement = sql`SELECT * FROM x WHERE a = ${1} AND ${part} AND c IN ${listOf([2, 3])} AND d = ${null}`;
    expect(compile(statement, numbered)).to.deep.equal({
      text: 'SELECT * FROM x WHERE a = $1 AND b = $2 AND c IN (SELECT jsonb_array_elements($3::jsonb)) AND d = $4',
      parameters: [1, "'; DROP TABLE x; --", '[2,3]', null],
    });
  });

  it('passes a table of any length as one parameter, so that the text stays the same', () => {
    const insert = (rows: readonly (readonly [number, string])[]) =>
      compile(
        sql`INSERT INTO x SELECT id, name FROM ${tableOf({ id: 'integer', name: 'text' }, rows)} AS news`,
        sqliteDialect,
      );
    const one = insert([[1, 'a']]);
    expect(one.text).to.equal(
      'INSERT INTO x SELECT id, name FROM (SELECT value ->> 0 AS id, value ->> 1 AS name FROM json_each(?)) AS news',
    );
    expect(one.parameters).to.deep.equal(['[[1,"a"]]']);
    expect(insert([]).text).to.equal(one.text);
  });

  it('leaves what dialects write differently to the dialect', () => {
    const statement = sql`
      SELECT sum(${jsonNumber('facts', 'tests', 'errors')}), ${jsonText('job', 'name')} FROM x`;
    expect(compile(statement, sqliteDialect).text.trim()).to.equal(
      `SELECT sum((facts ->> '$.tests.errors')), (job ->> '$.name') FROM x`,
    );
    expect(compile(statement, numbered).text.trim()).to.equal(
      `SELECT sum((facts::jsonb #>> '{tests,errors}')::bigint), (job::jsonb #>> '{name}') FROM x`,
    );
  });

  it('assigns each changed column', () => {
    const statement = sql`UPDATE x SET ${assignments({ a: 1, b: null })} WHERE id = ${2}`;
    expect(compile(statement, sqliteDialect)).to.deep.equal({
      text: 'UPDATE x SET a = ?, b = ? WHERE id = ?',
      parameters: [1, null, 2],
    });
  });
});
