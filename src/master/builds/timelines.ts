import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { isEnded } from '../../domain/build-state.js';
import { Semaphore } from '../../lib/async/semaphore.js';
import { seconds } from '../../lib/clock.js';
import { barState, fruitlessEnd } from '../../protocol/build/timeline.js';
import type { AtomId, BuildId } from '../../protocol/ids.js';
import type { ActiveBuild } from '../state/active-build.js';
import type { TimelineParts, TimelineSince } from '../state/master-api.js';
import type { MasterState } from '../state/master-state.js';
import { readTimestamps } from '../store/builds.js';
import {
  atomsOfTimeline,
  barsOfLeases,
  firstLeaseOf,
  namesOfSlaves,
  placesOfLeases,
  preparationsOf,
  runsBeforeRetries,
  type TimelineOrigin,
} from '../store/timeline-rows.js';
import { nameOfSlave } from '../views/timeline/executor-list.js';
import { HeldWork } from '../views/timeline/held-work.js';
import { TimelineDrawing } from '../views/timeline/timeline-drawing.js';
import type { Builds } from './build-commands.js';

/** Rows that are read at once: some milliseconds. */
const ROWS_AT_ONCE = 5_000;
/** Each takes memory in proportion to the size of its build. */
const MAX_CONCURRENT = 2;
const MAX_PREPARATIONS = 100;

/** Reads the timelines of builds. */
export class Timelines {
  readonly #master: MasterState;
  readonly #builds: Builds;
  readonly #turns = new Semaphore(MAX_CONCURRENT);

  constructor(master: MasterState, builds: Builds) {
    this.#master = master;
    this.#builds = builds;
  }

  /** See MasterReading. @throws NOT_FOUND; the reason of `gone` */
  read(id: BuildId, since: TimelineSince, gone: AbortSignal): Promise<TimelineParts> {
    return this.#turns.run(gone, async () => {
      const active = await this.#builds.unfinished(id);
      // Before anything is read: a change in between is reported twice, and none is missed.
      const count = active?.changes.count ?? null;
      const changed = active === null || typeof since !== 'number' ? null : active.changes.since(since);
      const known = active === null && since === 'end' ? [] : changed;
      return this.#draw(id, active, count, known, gone);
    });
  }

  /** `chosen` null: all atoms; so it is too when the chosen ones alone do not tell in which lanes they are. */
  async #draw(
    id: BuildId,
    active: ActiveBuild | null,
    count: number | null,
    chosen: readonly AtomId[] | null,
    gone: AbortSignal,
  ): Promise<TimelineParts> {
    const { db } = this.#master.store;
    const course = await this.#builds.course(id);
    const begins = Math.round((readTimestamps(course.timestamps).QUEUED ?? 0) * 1000);
    const origin = { build: id, begins, firstLease: (await firstLeaseOf(db, id)) ?? 0 };
    const held = new HeldWork(this.#master, active, origin);
    const drawing = new TimelineDrawing(held);
    await this.#readAtoms(drawing, origin, chosen, course.num_atoms ?? 0, gone);
    await this.#readPlaces(drawing, origin, chosen === null ? null : drawing.leases, gone);
    if (chosen !== null && drawing.needsLanes) {
      return this.#draw(id, active, count, null, gone);
    }
    for (const bar of await barsOfLeases(db, origin)) {
      drawing.addLease(bar);
    }
    await yieldToEventLoop();
    const { executors, ...columns } = drawing.end(await namesOfSlaves(db, drawing.slaves));
    const preparations = await preparationsOf(db, id, course.attempt, MAX_PREPARATIONS);
    return {
      now: this.#master.nowSeconds,
      begins: seconds(begins),
      ends: course.ended_at === null ? null : seconds(course.ended_at),
      complete: isEnded(course.state),
      whole: chosen === null,
      num_unplaced: drawing.unplaced,
      preparations: preparations.map(({ taken_at, ended_at, slave_id, slave }) => ({
        started_at: seconds(taken_at),
        ended_at: ended_at === null ? null : seconds(ended_at),
        slave: slave ?? nameOfSlave(slave_id),
      })),
      executors,
      states: [...barState],
      ends_of_fruitless: [...fruitlessEnd],
      count,
      ...columns,
    };
  }

  async #readAtoms(
    drawing: TimelineDrawing,
    origin: TimelineOrigin,
    chosen: readonly AtomId[] | null,
    numAtoms: number,
    gone: AbortSignal,
  ): Promise<void> {
    const { db } = this.#master.store;
    const all = chosen?.length ?? numAtoms;
    for (let from = 0; from < all; from += ROWS_AT_ONCE) {
      const to = from + ROWS_AT_ONCE;
      const some = chosen === null ? { from, to } : chosen.slice(from, to);
      drawing.addAtoms(await atomsOfTimeline(db, origin, some));
      drawing.addRetried(await runsBeforeRetries(db, origin, some));
      await yieldToEventLoop();
      gone.throwIfAborted();
    }
  }

  /** `leases` null: all. */
  async #readPlaces(
    drawing: TimelineDrawing,
    origin: TimelineOrigin,
    leases: readonly number[] | null,
    gone: AbortSignal,
  ): Promise<void> {
    const { db } = this.#master.store;
    for (let after = -1, read = 0; ; read += ROWS_AT_ONCE) {
      const some = leases === null ? { after, limit: ROWS_AT_ONCE } : leases.slice(read, read + ROWS_AT_ONCE);
      const places = await placesOfLeases(db, origin, some);
      drawing.addPlaces(places);
      await yieldToEventLoop();
      gone.throwIfAborted();
      const isLast = leases === null ? places.id.length < ROWS_AT_ONCE : read + ROWS_AT_ONCE >= leases.length;
      if (isLast) {
        return;
      }
      after = places.id.at(-1) ?? after;
    }
  }
}
