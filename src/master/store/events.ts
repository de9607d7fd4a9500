import type { Kysely } from 'kysely';
import type { Database } from './database.js';

export const eventKinds = ['build_state', 'slave_state', 'subjob_lost'] as const;
export type EventKind = (typeof eventKinds)[number];

/** Appends to the log of what has happened. */
export async function appendEvent(
  db: Kysely<Database>,
  kind: EventKind,
  data: Readonly<Record<string, string | number>>,
  now: number,
): Promise<void> {
  await db
    .insertInto('events')
    .values({ kind, data: JSON.stringify(data), time: now })
    .execute();
}

export async function forgetEvents(db: Kysely<Database>, before: number): Promise<void> {
  await db.deleteFrom('events').where('time', '<', before).execute();
}
