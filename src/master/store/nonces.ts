import { Type } from '@sinclair/typebox';
import { type Kysely, sql } from 'kysely';
import type { Database } from './database.js';
import { jsonColumn } from './json.js';

/** Nonces that expire at the same second since the epoch. */
export interface ExpiringNonces {
  readonly expires: number;
  readonly nonces: readonly string[];
}

const readNonces = jsonColumn(Type.Array(Type.String()), 'nonces.nonces');

/** One row for all: a row for each would be the dearest part of a small request. */
export async function insertNonces(db: Kysely<Database>, { expires, nonces }: ExpiringNonces): Promise<void> {
  await sql`
    INSERT INTO nonces (expires, nonces) VALUES (${expires}, ${JSON.stringify(nonces)})`.execute(db);
}

export async function allNonces(db: Kysely<Database>): Promise<ExpiringNonces[]> {
  const rows = await db.selectFrom('nonces').selectAll().execute();
  return rows.map(({ expires, nonces }) => ({ expires, nonces: readNonces(nonces) }));
}

/** `before` in seconds since the epoch. */
export async function forgetNonces(db: Kysely<Database>, before: number): Promise<void> {
  await db.deleteFrom('nonces').where('expires', '<', before).execute();
}
