import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { Masks } from '../lib/masks.js';
import { slept } from '../lib/slept.js';
import { ClusterRunnerError, messageOf } from '../protocol/errors.js';
import type { AtomId } from '../protocol/ids.js';
import type { RunAssignment } from '../protocol/slave.js';
import { ConsoleFollower } from './console-follower.js';
import type { AtomProgress } from './run-subjob.js';
import type { Session } from './session.js';

const INTERVAL_MS = 1_000;

/**
 * Tells the master about once a second what a running subjob has done since. It only informs: what gets lost on
 * the way is in the result.
 */
export class ProgressReporter {
  readonly #assignment: RunAssignment;
  readonly #session: Session;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #masks: Masks;
  readonly #stop = new AbortController();
  readonly #news = new Map<AtomId, AtomProgress>();
  #console: ConsoleFollower | null = null;

  constructor(assignment: RunAssignment, session: Session, clock: Clock, log: Logger, masks: Masks) {
    this.#masks = masks;
    this.#assignment = assignment;
    this.#session = session;
    this.#clock = clock;
    this.#log = log;
  }

  note(progress: AtomProgress, console: string): void {
    this.#news.set(progress.id, progress);
    this.#console =
      progress.state === 'IN_PROGRESS' ? new ConsoleFollower(progress.id, console, this.#masks) : null;
  }

  /** Reports until `stop` is called. `stale` is called when the master says that the lease is over. */
  async run(stale: () => void): Promise<void> {
    const { signal } = this.#stop;
    while (await slept(this.#clock, INTERVAL_MS, signal)) {
      try {
        await this.#report(signal);
      } catch (error) {
        if (signal.aborted) {
          return;
        }
        if (error instanceof ClusterRunnerError && error.code === 'STALE_LEASE') {
          stale();
          return;
        }
        // The next report says what this one could not: only when the master stays away it matters, and the
        // question for work tells of that.
        this.#log.debug(`Progress could not be reported: ${messageOf(error)}`);
      }
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  async #report(signal: AbortSignal): Promise<void> {
    const piece = (await this.#console?.next()) ?? null;
    const atoms = [...this.#news.values()];
    if (atoms.length === 0 && piece === null) {
      return;
    }
    const { build_id, subjob_id, lease } = this.#assignment;
    const progress = { lease, atoms, consoles: piece === null ? [] : [piece] };
    await this.#session.once(
      (slave, options) => this.#session.client.reportProgress(slave, build_id, subjob_id, progress, options),
      signal,
    );
    for (const atom of atoms) {
      if (this.#news.get(atom.id) === atom) {
        this.#news.delete(atom.id);
      }
    }
  }
}
