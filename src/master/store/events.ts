import { type Kysely, sql } from 'kysely';
import type { Database, Writable } from './engine/database.js';

/** The tags of the event log. */
export const eventKinds = [
  'BUILD_CREATED',
  'BUILD_PREPARED',
  'BUILD_STOPPING',
  'BUILD_ENDED',
  'SUBJOB_LEASED',
  'SUBJOB_DUPLICATED',
  'SUBJOB_DONE',
  'SUBJOB_GIVEN_BACK',
  'SUBJOB_LOST',
  'SLAVE_CONNECTED',
  'SLAVE_LEFT',
  'SLAVE_LOST',
  'SLAVE_SICK',
] as const;
export type EventKind = (typeof eventKinds)[number];

/** Appends to the log of what has happened. `now` in milliseconds. */
export async function appendEvent(
  { direct }: Writable,
  kind: EventKind,
  data: Readonly<Record<string, string | number>>,
  now: number,
): Promise<void> {
  direct.run('INSERT INTO events (kind, data, time) VALUES (?, ?, ?)', kind, JSON.stringify(data), now);
}

/** Whether there are more than the newest `keep`. */
export async function hasMoreEvents(db: Kysely<Database>, keep: number): Promise<boolean> {
  const { rows } = await sql<{ more: number | null }>`
    SELECT (SELECT max(id) FROM events) - (SELECT min(id) FROM events) >= ${keep} AS more`.execute(db);
  return rows[0]?.more === 1;
}

/** Forgets all but the newest `keep`, the oldest first and no more than `most` at once. */
export async function trimEvents(db: Kysely<Database>, keep: number, most: number): Promise<void> {
  await sql`
    DELETE FROM events
    WHERE id < (SELECT min(id) FROM events) + ${most} AND id <= (SELECT max(id) FROM events) - ${keep}
  `.execute(db);
}
