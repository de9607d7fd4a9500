import { Type } from '@sinclair/typebox';
import { seconds } from '../lib/clock.js';
import { waitAtMost } from '../lib/wait-at-most.js';
import type { Event } from '../protocol/event.js';
import type { Cluster } from './cluster.js';
import type { EventsAfter } from './contract.js';
import { jsonColumn } from './store/json.js';
import { eventsSince, lastEventId } from './store/reading.js';

const BATCH = 1000;
const ALIVE_EVERY_MS = 15_000;
const readData = jsonColumn(Type.Record(Type.String(), Type.Unknown()), 'events.data');

/** Oldest first. */
export async function listEvents(cluster: Cluster, { id, timestamp, limit }: EventsAfter): Promise<Event[]> {
  const rows = await eventsSince(cluster.store.db, { id, time: timestamp * 1000, limit });
  return rows.map((row) => ({
    id: row.id,
    timestamp: seconds(row.time),
    tag: row.kind,
    data: readData(row.data),
  }));
}

/** See MasterReading. */
export async function* followEvents(
  cluster: Cluster,
  id: number | null,
  end: AbortSignal,
): AsyncGenerator<readonly Event[]> {
  let last = id ?? (await lastEventId(cluster.store.db));
  while (!end.aborted) {
    // Asked for before looking: what is committed in between is not missed.
    const committed = cluster.journal.untilCommit();
    const events = await listEvents(cluster, { id: last, timestamp: 0, limit: BATCH });
    last = events.at(-1)?.id ?? last;
    if (events.length > 0) {
      yield events;
      continue;
    }
    const since = cluster.steady;
    await waitAtMost(cluster.clock, ALIVE_EVERY_MS, committed, end);
    if (cluster.steady - since >= ALIVE_EVERY_MS && !end.aborted) {
      yield [];
    }
  }
}
