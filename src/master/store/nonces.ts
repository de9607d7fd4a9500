import { type Kysely, sql } from 'kysely';
import type { Database } from './database.js';

/** Those that are known already stay as they are. */
export async function insertNonces(
  db: Kysely<Database>,
  nonces: readonly { readonly nonce: string; readonly expires: number }[],
): Promise<void> {
  const rows = nonces.map(({ nonce, expires }) => [nonce, expires]);
  await sql`
    INSERT OR IGNORE INTO nonces (nonce, expires)
    SELECT value ->> 0, value ->> 1 FROM json_each(${JSON.stringify(rows)})`.execute(db);
}

export async function allNonces(db: Kysely<Database>): Promise<{ nonce: string; expires: number }[]> {
  return await db.selectFrom('nonces').selectAll().execute();
}

/** `before` in seconds since the epoch. */
export async function forgetNonces(db: Kysely<Database>, before: number): Promise<void> {
  await db.deleteFrom('nonces').where('expires', '<', before).execute();
}
