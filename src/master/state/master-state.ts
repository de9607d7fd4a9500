import { resultOf } from '../../domain/build-state.js';
import { Notifier } from '../../lib/async/notifier.js';
import type { Clock } from '../../lib/clock.js';
import { seconds } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { type BuildId, type LeaseId, toId } from '../../protocol/ids.js';
import type { Store } from '../store/engine/store.js';
import type { Write } from '../store/engine/write.js';
import type { ActiveBuild } from './active-build.js';
import { ActiveLeases } from './active-leases.js';
import { BuildWatchers } from './build-watchers.js';
import type { DiskGuard } from './disk-guard.js';
import type { Metrics } from './metrics.js';
import type { ResultBounds } from './result-bounds.js';
import type { SlaveRegistry } from './slave-registry.js';
import type { StateWriter } from './state-writer.js';

/** Already applied in memory; still to be persisted in one transaction. */
export class StateChange {
  readonly writes: Write[] = [];
  /** Builds that end with it. */
  readonly ended: ActiveBuild[] = [];
  /** Builds some of whose atoms are changed without being named. */
  readonly changed: ActiveBuild[] = [];
}

/** Receives notice of changes that may concern slaves that wait. */
export interface DispatchListener {
  /** Something may have become available to slaves that wait for work. */
  workAppeared(): void;
  /** Slaves that know this build may have to be notified. */
  buildChanged(build: BuildId): void;
}

export interface MasterStateParts {
  readonly store: Store;
  readonly writer: StateWriter;
  readonly slaves: SlaveRegistry;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly disk: DiskGuard;
  /** Holds a folder for each build that has results. */
  readonly resultsDirectory: string;
  readonly resultBounds: ResultBounds;
  /** Draws the token of a lease, which only its slave learns. */
  readonly leaseToken: (lease: LeaseId) => string;
  /** How long slaves may deliver results of a build that is ended early; with 0 it ends at once. */
  readonly endGraceMs: number;
  /** For how long a recorded pass counts. */
  readonly passesKeptMs: number;
  /** No lease was ever given with a higher id. */
  readonly lastLease: number;
}

/** The master's memory, with what all of its parts share. It decides nothing. */
export class MasterState {
  readonly watchers = new BuildWatchers();
  /** Fired when builds have ended and left the memory. */
  readonly ended = new Notifier();
  readonly leases = new ActiveLeases((build) => this.watchers.changed(build));
  readonly store: Store;
  readonly writer: StateWriter;
  readonly slaves: SlaveRegistry;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly disk: DiskGuard;
  readonly resultsDirectory: string;
  readonly resultBounds: ResultBounds;
  readonly endGraceMs: number;
  readonly passesKeptMs: number;
  readonly leaseToken: (lease: LeaseId) => string;
  readonly #builds = new Map<BuildId, ActiveBuild>();
  #lastLease: number;
  #listener: DispatchListener | null = null;

  constructor(parts: MasterStateParts) {
    this.store = parts.store;
    this.writer = parts.writer;
    this.slaves = parts.slaves;
    this.clock = parts.clock;
    this.log = parts.log;
    this.metrics = parts.metrics;
    this.disk = parts.disk;
    this.resultsDirectory = parts.resultsDirectory;
    this.resultBounds = parts.resultBounds;
    this.endGraceMs = parts.endGraceMs;
    this.passesKeptMs = parts.passesKeptMs;
    this.leaseToken = parts.leaseToken;
    this.#lastLease = parts.lastLease;
  }

  /** Unfinished builds, oldest first. */
  get builds(): ReadonlyMap<BuildId, ActiveBuild> {
    return this.#builds;
  }
  /** Milliseconds since the epoch. */
  get now(): number {
    return this.clock.now();
  }
  /** Seconds since the epoch. */
  get nowSeconds(): number {
    return seconds(this.clock.now());
  }
  /** Monotonic milliseconds, for durations. */
  get steady(): number {
    return this.clock.monotonic();
  }

  /** The build, unless its end is decided. */
  runningBuild(id: BuildId): ActiveBuild | undefined {
    const build = this.#builds.get(id);
    return build?.ending === null ? build : undefined;
  }

  /** Sets who hears of work and of builds; before that nobody waits. */
  listen(listener: DispatchListener): void {
    this.#listener = listener;
  }

  workAppeared(): void {
    this.#listener?.workAppeared();
  }

  buildChanged(build: BuildId): void {
    this.#listener?.buildChanged(build);
  }

  nextLease(): LeaseId {
    this.#lastLease += 1;
    return toId.lease(this.#lastLease);
  }

  addBuild(build: ActiveBuild): void {
    this.#builds.set(build.id, build);
  }

  /** Resolves when the store has the change. Builds that ended leave the memory then, and slaves are notified. */
  commit(change: StateChange): Promise<unknown> {
    const committed = this.writer.record(change.writes);
    for (const build of change.ended) {
      build.end(committed);
    }
    const leave = () => {
      for (const { changes } of change.changed) {
        changes.noteAll();
      }
      for (const { id, work, counts } of change.ended) {
        this.metrics.buildEnded(work.state, resultOf(work.state, counts.failed) ?? 'FAILURE');
        this.#builds.delete(id);
        this.watchers.ended(id);
        this.buildChanged(id);
      }
      if (change.ended.length > 0) {
        this.ended.fire();
      }
    };
    // The writer logs a failure; the memory then shows the last state that was decided.
    committed.then(leave, () => undefined);
    return committed;
  }
}
