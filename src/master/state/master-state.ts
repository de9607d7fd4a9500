import { resultOf } from '../../domain/build-state.js';
import type { Clock } from '../../lib/clock.js';
import { seconds } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { type BuildId, type LeaseId, toId } from '../../protocol/ids.js';
import type { Store } from '../store/engine/store.js';
import type { Write } from '../store/engine/write.js';
import { BuildWatchers } from './build-watchers.js';
import type { DiskGuard } from './disk-guard.js';
import type { ActiveBuild, ActiveLease } from './entries.js';
import type { Metrics } from './metrics.js';
import type { ResultBounds } from './result-bounds.js';
import type { SlaveRegistry } from './slave-registry.js';
import type { StateWriter } from './state-writer.js';

/** What belongs in one commit: made in memory already, now to be learned by the store. */
export class StateChange {
  readonly writes: Write[] = [];
  /** Builds that end with it. */
  readonly ended: ActiveBuild[] = [];
}

export interface MasterStateParts {
  readonly store: Store;
  readonly writer: StateWriter;
  readonly slaves: SlaveRegistry;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly room: DiskGuard;
  /** Holds a folder for each build that has results. */
  readonly resultsDirectory: string;
  readonly resultBounds: ResultBounds;
  /** Draws what nobody but the slave that holds this lease can name. */
  readonly leaseToken: (lease: LeaseId) => string;
  /** How long slaves may take to deliver what there is of a build that is ended early; 0: it ends at once. */
  readonly endGraceMs: number;
  /** No lease was ever given with a higher id. */
  readonly lastLease: number;
  /** Called when something may have become available to slaves that wait for work. */
  readonly workAppeared: () => void;
  /** Called when slaves that wait may have to be told something about this build. */
  readonly newsOf: (build: BuildId) => void;
}

/** All that the parts of the service share. Nothing here decides. */
export class MasterState {
  readonly builds = new Map<BuildId, ActiveBuild>();
  readonly held = new Map<LeaseId, ActiveLease>();
  readonly watchers = new BuildWatchers();
  readonly store: Store;
  readonly writer: StateWriter;
  readonly slaves: SlaveRegistry;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly room: DiskGuard;
  readonly resultsDirectory: string;
  readonly resultBounds: ResultBounds;
  readonly endGraceMs: number;
  readonly workAppeared: () => void;
  readonly newsOf: (build: BuildId) => void;
  readonly leaseToken: (lease: LeaseId) => string;
  #lastLease: number;

  constructor(parts: MasterStateParts) {
    this.store = parts.store;
    this.writer = parts.writer;
    this.slaves = parts.slaves;
    this.clock = parts.clock;
    this.log = parts.log;
    this.metrics = parts.metrics;
    this.room = parts.room;
    this.resultsDirectory = parts.resultsDirectory;
    this.resultBounds = parts.resultBounds;
    this.endGraceMs = parts.endGraceMs;
    this.workAppeared = parts.workAppeared;
    this.newsOf = parts.newsOf;
    this.leaseToken = parts.leaseToken;
    this.#lastLease = parts.lastLease;
  }

  nextLease(): LeaseId {
    this.#lastLease += 1;
    return toId.lease(this.#lastLease);
  }

  /** Milliseconds, as the store's rows have it. */
  get now(): number {
    return this.clock.now();
  }

  /** Milliseconds since some moment, for what lasts: nobody sets it. */
  get steady(): number {
    return this.clock.monotonic();
  }

  /** Seconds, as the wire and build states have it. */
  get nowSeconds(): number {
    return seconds(this.clock.now());
  }

  addLease(held: ActiveLease): void {
    this.watchers.changed(held.build.id);
    this.held.set(held.task.lease, held);
    held.build.leases.add(held);
    held.slave.leases.set(held.task.lease, held);
  }

  releaseLease(held: ActiveLease): void {
    this.watchers.changed(held.build.id);
    this.held.delete(held.task.lease);
    held.build.leases.delete(held);
    held.slave.leases.delete(held.task.lease);
  }

  /** Resolves when the store has it. Builds that ended leave the memory then, and slaves hear of it. */
  commit(change: StateChange): Promise<unknown> {
    const committed = this.writer.record(change.writes);
    for (const build of change.ended) {
      build.ending = committed;
    }
    const leave = () => {
      for (const { id, work, atomsFailed } of change.ended) {
        this.metrics.buildEnded(work.state, resultOf(work.state, atomsFailed) ?? 'FAILURE');
        this.builds.delete(id);
        this.watchers.ended(id);
        this.newsOf(id);
      }
    };
    // When it fails the writer has said so, and the entries show what this master last knew.
    committed.then(leave, () => undefined);
    return committed;
  }
}
