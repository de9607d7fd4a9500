import { Type } from '@sinclair/typebox';
import type { Kysely } from 'kysely';
import type { Database, Writable } from './engine/database.js';
import { jsonColumn } from './engine/json.js';

/** Nonces that expire at the same second since the epoch. */
export interface ExpiringNonces {
  readonly expires: number;
  readonly nonces: readonly string[];
}

const readNonces = jsonColumn(Type.Array(Type.String()), 'nonces.nonces');

/** One row for all: a row for each would be the dearest part of a small request. */
export async function insertNonces({ direct }: Writable, { expires, nonces }: ExpiringNonces): Promise<void> {
  direct.run('INSERT INTO nonces (expires, nonces) VALUES (?, ?)', expires, JSON.stringify(nonces));
}

export async function allNonces(db: Kysely<Database>): Promise<ExpiringNonces[]> {
  const rows = await db.selectFrom('nonces').selectAll().execute();
  return rows.map(({ expires, nonces }) => ({ expires, nonces: readNonces(nonces) }));
}

/** `before` in seconds since the epoch. */
export async function forgetNonces(db: Kysely<Database>, before: number): Promise<void> {
  await db.deleteFrom('nonces').where('expires', '<', before).execute();
}
