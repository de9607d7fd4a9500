import type { BuildId, LeaseId } from '../../protocol/ids.js';

/** The state that the polls of one slave share. It outlives a reconnect. */
export class PollSession {
  /** The highest number of its polls. */
  newest = 0;
  /** How many of them have no response yet. */
  open = 0;
  /** The poll of that number, from its arrival to its response. */
  current: object | null = null;
  /** Older polls whose responses the slave still awaits. */
  awaited: ReadonlySet<number> = new Set();
  /** Leases and builds that the slave was notified of and still names. */
  readonly notified = {
    cancel: new Set<LeaseId>(),
    interrupt: new Set<LeaseId>(),
    release: new Set<BuildId>(),
    drain: false,
  };

  /** Forgets notifications of what the slave names no more. */
  prune(named: ReadonlySet<number>, builds: ReadonlySet<number>): void {
    keepOnly(this.notified.cancel, named);
    keepOnly(this.notified.interrupt, named);
    keepOnly(this.notified.release, builds);
  }
}

function keepOnly(ids: Set<number>, kept: ReadonlySet<number>): void {
  for (const id of ids) {
    if (!kept.has(id)) {
      ids.delete(id);
    }
  }
}
