import { Type } from '@sinclair/typebox';
import { waitWithTimeout } from '../../lib/async/wait-with-timeout.js';
import { seconds } from '../../lib/clock.js';
import type { Event } from '../../protocol/event.js';
import type { EventsAfter } from '../state/master-api.js';
import type { MasterState } from '../state/master-state.js';
import { jsonColumn } from '../store/engine/columns.js';
import { eventsSince, lastEventId } from '../store/events.js';

const BATCH = 1000;
const ALIVE_EVERY_MS = 15_000;
const readData = jsonColumn(Type.Record(Type.String(), Type.Unknown()), 'events.data');

/** Oldest first. */
export async function listEvents(
  master: MasterState,
  { id, timestamp, limit }: EventsAfter,
): Promise<Event[]> {
  const rows = await eventsSince(master.store.db, { id, time: timestamp * 1000, limit });
  return rows.map((row) => ({
    id: row.id,
    timestamp: seconds(row.time),
    tag: row.kind,
    data: readData(row.data),
  }));
}

/** Up to so many followers get each event at once. */
const FEW_FOLLOWERS = 10;
/** Milliseconds between two rounds for each follower, which bounds the time spent on them. */
const MS_PER_FOLLOWER = 1;
const MOST_MS_BETWEEN = 1_000;
/** Most shared reads of a round: all followers but new ones are at the same event. */
const MOST_SHARED = 8;

/**
 * Streams events to many followers: each is read once from the store for all followers at the same place, and the more
 * followers there are, the larger the batches.
 */
export class EventFeed {
  readonly #master: MasterState;
  #followers = 0;
  /** Resolves with the next round; null when nobody waits for one. */
  #round: Promise<void> | null = null;
  /** Reads since the last round, by the id after which they begin. */
  readonly #read = new Map<number, Promise<readonly Event[]>>();

  constructor(master: MasterState) {
    this.#master = master;
  }

  /** See MasterReading. Followers share the object of a batch. */
  async *follow(id: number | null, end: AbortSignal): AsyncGenerator<readonly Event[]> {
    const master = this.#master;
    this.#followers += 1;
    try {
      let last = id ?? (await this.lastId());
      while (!end.aborted) {
        // Before reading, so that no commit in between is missed.
        const round = this.#nextRound();
        const events = await this.#eventsAfter(last);
        last = events.at(-1)?.id ?? last;
        if (events.length > 0) {
          yield events;
          continue;
        }
        const since = master.steady;
        await waitWithTimeout(master.clock, ALIVE_EVERY_MS, round, end);
        if (master.steady - since >= ALIVE_EVERY_MS && !end.aborted) {
          yield [];
        }
      }
    } finally {
      this.#followers -= 1;
    }
  }

  /** The id of the newest event, 0 before the first. */
  lastId(): Promise<number> {
    return lastEventId(this.#master.store.db);
  }

  /** A page of the events after `id`, oldest first. */
  after(id: number): Promise<readonly Event[]> {
    return listEvents(this.#master, { id, timestamp: 0, limit: BATCH });
  }

  #nextRound(): Promise<void> {
    this.#round ??= this.#untilRound();
    return this.#round;
  }

  async #untilRound(): Promise<void> {
    try {
      await this.#master.writer.untilCommit();
      if (this.#followers > FEW_FOLLOWERS) {
        await this.#master.clock.sleep(Math.min(MOST_MS_BETWEEN, this.#followers * MS_PER_FOLLOWER));
      }
    } finally {
      this.#round = null;
      this.#read.clear();
    }
  }

  #eventsAfter(last: number): Promise<readonly Event[]> {
    const shared = this.#read.get(last);
    if (shared !== undefined) {
      return shared;
    }
    const read = this.after(last);
    if (this.#read.size < MOST_SHARED) {
      this.#read.set(last, read);
    }
    return read;
  }
}
