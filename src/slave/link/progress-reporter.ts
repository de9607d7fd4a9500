import { sleepUnlessAborted } from '../../lib/async/sleep-unless-aborted.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { ClusterRunnerError, messageOf } from '../../protocol/errors.js';
import type { AtomId } from '../../protocol/ids.js';
import type { RunAssignment } from '../../protocol/slave/slave-messages.js';
import type { LeaseTimes } from '../build/lease-times.js';
import type { AtomProgress } from '../build/subjob-run.js';
import { ConsoleFollower, type ConsolePiece } from '../console/console-follower.js';
import type { SubjobConsoles } from '../console/subjob-consoles.js';
import type { ProgressBuffer } from './progress-buffer.js';
import type { Session } from './session.js';

const INTERVAL_MS = 1_000;

export interface ProgressReporterOptions {
  readonly assignment: RunAssignment;
  readonly consoles: SubjobConsoles;
  readonly session: Session;
  readonly buffer: ProgressBuffer;
  /** See LeaseTimes. */
  readonly executor: ReturnType<LeaseTimes['executor']>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Reports about once a second which atoms of a running subjob have begun or ended, and what they have printed. Progress
 * without console output goes with the next poll. Lost progress does no harm: everything is in the result.
 */
export class ProgressReporter {
  readonly #options: ProgressReporterOptions;
  readonly #stop = new AbortController();
  readonly #news = new Map<AtomId, AtomProgress>();
  /** Consoles of the atoms that run: one, or those of a batch, of which only the first is printed to. */
  readonly #running = new Map<AtomId, ConsoleFollower>();
  /** Consoles of atoms that have ended, and whose end was not sent yet. */
  readonly #ended: ConsoleFollower[] = [];
  /** Sent, and not acknowledged; sent again as they are, since the master recognizes pieces that it has. */
  #unacknowledged: ConsolePiece[] = [];

  constructor(options: ProgressReporterOptions) {
    this.#options = options;
  }

  note(progress: AtomProgress): void {
    this.#news.set(progress.id, progress);
    const known = this.#running.get(progress.id);
    if (progress.state === 'IN_PROGRESS') {
      const console = known ?? new ConsoleFollower(progress.id, this.#options.consoles.of(progress.id));
      this.#running.set(progress.id, console);
      return;
    }
    // Most atoms end before any of their console was sent: it comes with the result then.
    if (known?.hasBegun === true) {
      this.#ended.push(known);
    }
    this.#running.delete(progress.id);
  }

  /** Reports until `stop` is called. `onStale` is called when the master says that the lease is over. */
  async run(onStale: () => void): Promise<void> {
    const { signal } = this.#stop;
    while (await sleepUnlessAborted(this.#options.clock, INTERVAL_MS, signal)) {
      try {
        await this.#report(signal);
      } catch (error) {
        if (signal.aborted) {
          return;
        }
        if (error instanceof ClusterRunnerError && error.code === 'STALE_LEASE') {
          onStale();
          return;
        }
        // The next report repeats this one, except for what the master refuses. MasterLink logs a master that is away.
        if (error instanceof ClusterRunnerError && error.code === 'INVALID_REQUEST') {
          this.#unacknowledged = [];
        }
        this.#options.log.debug(`Progress could not be reported: ${messageOf(error)}`);
      }
    }
  }

  stop(): void {
    this.#stop.abort();
    this.#options.buffer.end(this.#options.assignment.lease);
  }

  /** Sends console output at once. Without any, progress waits up to one interval for a poll. */
  async #report(signal: AbortSignal): Promise<void> {
    const { session, buffer, assignment, executor } = this.#options;
    const { build_id, subjob_id, lease } = assignment;
    if (this.#unacknowledged.length === 0) {
      this.#unacknowledged = [...this.#ended.splice(0), ...this.#running.values()].flatMap((console) =>
        console.next(),
      );
    }
    const consoles = this.#unacknowledged;
    if (consoles.length === 0) {
      buffer.markDue(lease);
      if (this.#news.size > 0) {
        buffer.add({ build_id, subjob_id, lease, atoms: [...this.#news.values()], ...executor });
        this.#news.clear();
      }
      return;
    }
    for (const atom of buffer.withdraw(lease)) {
      this.#news.set(atom.id, this.#news.get(atom.id) ?? atom);
    }
    const atoms = [...this.#news.values()];
    buffer.supersede(lease, atoms);
    await session.callOnce(
      (slave, options) =>
        session.client.reportProgress(
          slave,
          build_id,
          subjob_id,
          { lease, atoms, consoles, ...executor },
          options,
        ),
      signal,
    );
    this.#unacknowledged = [];
    for (const atom of atoms) {
      if (this.#news.get(atom.id) === atom) {
        this.#news.delete(atom.id);
      }
    }
  }
}
