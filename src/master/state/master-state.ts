import { resultOf } from '../../domain/build.js';
import type { Clock } from '../../lib/clock.js';
import { seconds } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { type BuildId, type LeaseId, toId } from '../../protocol/ids.js';
import type { Store } from '../store/engine/store.js';
import { BuildWatchers } from './build-watchers.js';
import type { DiskRoom } from './disk-guard.js';
import type { BuildEntry, Held } from './entries.js';
import type { Metrics } from './metrics.js';
import type { ResultBounds } from './result-limits.js';
import type { SlavesInMemory } from './slave-registry.js';
import type { Journal, Step } from './state-writer.js';

/** What belongs in one commit: made in memory already, now to be learned by the store. */
export class Change {
  readonly steps: Step[] = [];
  /** Builds that end with it. */
  readonly ended: BuildEntry[] = [];
}

export interface ClusterParts {
  readonly store: Store;
  readonly journal: Journal;
  readonly slaves: SlavesInMemory;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly room: DiskRoom;
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
export class Cluster {
  readonly builds = new Map<BuildId, BuildEntry>();
  readonly held = new Map<LeaseId, Held>();
  readonly watchers = new BuildWatchers();
  readonly store: Store;
  readonly journal: Journal;
  readonly slaves: SlavesInMemory;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly room: DiskRoom;
  readonly resultsDirectory: string;
  readonly resultBounds: ResultBounds;
  readonly endGraceMs: number;
  readonly workAppeared: () => void;
  readonly newsOf: (build: BuildId) => void;
  readonly leaseToken: (lease: LeaseId) => string;
  #lastLease: number;

  constructor(parts: ClusterParts) {
    this.store = parts.store;
    this.journal = parts.journal;
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

  hold(held: Held): void {
    this.watchers.changed(held.build.id);
    this.held.set(held.task.lease, held);
    held.build.leases.add(held);
    held.slave.leases.set(held.task.lease, held);
  }

  letGo(held: Held): void {
    this.watchers.changed(held.build.id);
    this.held.delete(held.task.lease);
    held.build.leases.delete(held);
    held.slave.leases.delete(held.task.lease);
  }

  /** Resolves when the store has it. Builds that ended leave the memory then, and slaves hear of it. */
  commit(change: Change): Promise<void> {
    const committed = this.journal.record(change.steps);
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
    // When it fails the journal has said so, and the entries show what this master last knew.
    committed.then(leave, () => undefined);
    return committed;
  }
}
