import type { Register } from '../../protocol/slave/slave-messages.js';
import { integer, nullable } from './engine/columns.js';
import type { Reader } from './engine/engine.js';
import { sql } from './engine/sql.js';
import { change, type Write } from './engine/write.js';
import { type EventRow, events } from './tables.js';

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
  'SLAVE_SUSPECT',
  'SLAVE_TRUSTED',
] as const;
export type EventKind = (typeof eventKinds)[number];

/** Appends to the event log. `now` in milliseconds. */
export function appendEvent(
  kind: EventKind,
  data: Readonly<Record<string, string | number>>,
  now: number,
): Write {
  return change(sql`INSERT INTO events (kind, data, time) VALUES (${kind}, ${JSON.stringify(data)}, ${now})`);
}

/** BUILD_CREATED of the build that was inserted last, whose id only the store knows then. */
export function appendBuildCreated(now: number): Write {
  return change(sql`
    INSERT INTO events (kind, data, time)
    SELECT 'BUILD_CREATED', '{"build_id":' || max(id) || '}', ${now} FROM builds`);
}

/** SLAVE_CONNECTED of the slave that was saved last with this instance. */
export function appendSlaveConnected({ instance, name }: Register, now: number): Write {
  return change(sql`
    INSERT INTO events (kind, data, time)
    SELECT 'SLAVE_CONNECTED', '{"slave_id":' || id || ',"slave":' || ${JSON.stringify(name)} || '}', ${now}
    FROM slaves WHERE instance = ${instance}`);
}

/** Whether there are more than the newest `keep`. */
export async function hasMoreEvents(db: Reader, keep: number): Promise<boolean> {
  const row = await db.first(
    sql`SELECT (SELECT max(id) FROM events) - (SELECT min(id) FROM events) AS span`,
    { span: nullable(integer) },
  );
  return (row?.span ?? -1) >= keep;
}

/** Deletes all but the newest `keep`, the oldest first and no more than `most` at once. */
export function trimEvents(keep: number, most: number): Write {
  return change(sql`
    DELETE FROM events
    WHERE id < (SELECT min(id) FROM events) + ${most} AND id <= (SELECT max(id) FROM events) - ${keep}`);
}

export interface EventsSince {
  /** Only events with a higher id. */
  readonly id: number;
  /** Only events since then, in milliseconds since the epoch. */
  readonly time: number;
  readonly limit: number;
}

/** The most bytes that the data of the events of one page may have together; a page has at least one event. */
export const MAX_EVENT_BYTES = 1024 * 1024;

/** Oldest first; fewer than the limit where they are large. */
export function eventsSince(db: Reader, { id, time, limit }: EventsSince): Promise<EventRow[]> {
  return db.all(
    sql`
      SELECT id, time, kind, data FROM (
        SELECT *, sum(octet_length(data)) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) - octet_length(data) AS before
        FROM (SELECT * FROM events WHERE id > ${id} AND time >= ${time} ORDER BY id LIMIT ${limit}) AS page
      ) AS sized
      WHERE before < ${MAX_EVENT_BYTES} ORDER BY id`,
    events,
  );
}

/** 0 before the first. */
export async function lastEventId(db: Reader): Promise<number> {
  const row = await db.first(sql`SELECT coalesce(max(id), 0) AS id FROM events`, { id: integer });
  return row?.id ?? 0;
}

/** When the newest event was written, in milliseconds; null before the first. */
export async function lastEventTime(db: Reader): Promise<number | null> {
  const row = await db.first(sql`SELECT time FROM events ORDER BY id DESC LIMIT 1`, { time: events.time });
  return row?.time ?? null;
}
