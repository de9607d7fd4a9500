import type { Kysely } from 'kysely';
import type { Database } from './database.js';

export async function insertNonce(db: Kysely<Database>, nonce: string, expires: number): Promise<void> {
  await db
    .insertInto('nonces')
    .values({ nonce, expires })
    .onConflict((conflict) => conflict.column('nonce').doNothing())
    .execute();
}

export async function allNonces(db: Kysely<Database>): Promise<{ nonce: string; expires: number }[]> {
  return await db.selectFrom('nonces').selectAll().execute();
}

/** `before` in seconds since the epoch. */
export async function forgetNonces(db: Kysely<Database>, before: number): Promise<void> {
  await db.deleteFrom('nonces').where('expires', '<', before).execute();
}
