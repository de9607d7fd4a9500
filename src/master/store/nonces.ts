import { Type } from '@sinclair/typebox';
import { jsonColumn } from './engine/columns.js';
import type { Reader } from './engine/engine.js';
import { sql } from './engine/sql.js';
import { change, type Write } from './engine/write.js';
import { nonces } from './tables.js';

/** Nonces that expire at the same second since the epoch. */
export interface ExpiringNonces {
  readonly expires: number;
  readonly nonces: readonly string[];
}

const readNonces = jsonColumn(Type.Array(Type.String()), 'nonces.nonces');

/** One row for all: a row for each would be the most expensive part of a small request. */
export function insertNonces({ expires, nonces: list }: ExpiringNonces): Write {
  return change(sql`INSERT INTO nonces (expires, nonces) VALUES (${expires}, ${JSON.stringify(list)})`);
}

export async function allNonces(db: Reader): Promise<ExpiringNonces[]> {
  const rows = await db.all(sql`SELECT expires, nonces FROM nonces`, nonces);
  return rows.map((row) => ({ expires: row.expires, nonces: readNonces(row.nonces) }));
}

/** `before` in seconds since the epoch. */
export function forgetNonces(before: number): Write {
  return change(sql`DELETE FROM nonces WHERE expires < ${before}`);
}
