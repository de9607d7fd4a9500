import { sleepUnlessAborted } from '../../lib/async/sleep-unless-aborted.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { ClusterRunnerError, messageOf } from '../../protocol/errors.js';
import type { AtomId } from '../../protocol/ids.js';
import type { RunAssignment } from '../../protocol/slave/slave-messages.js';
import type { AtomProgress } from '../build/run-subjob.js';
import { ConsoleFollower, type ConsolePiece } from '../console/console-follower.js';
import type { SubjobConsoles } from '../console/subjob-consoles.js';
import type { ProgressBuffer } from './progress-buffer.js';
import type { Session } from './session.js';

const INTERVAL_MS = 1_000;

/**
 * Tells the master about once a second what a running subjob has done and printed since; of one that prints nothing the
 * next question for work tells. It only informs: what gets lost on the way is in the result.
 */
export class ProgressReporter {
  readonly #assignment: RunAssignment;
  readonly #session: Session;
  readonly #buffer: ProgressBuffer;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #consoles: SubjobConsoles;
  readonly #stop = new AbortController();
  readonly #news = new Map<AtomId, AtomProgress>();
  #console: ConsoleFollower | null = null;
  /** Of atoms that have ended; the end of these was not sent yet. */
  readonly #ended: ConsoleFollower[] = [];
  /** What the master was sent and has not acknowledged; it knows what it has already. */
  #unheard: ConsolePiece[] = [];

  constructor(
    assignment: RunAssignment,
    session: Session,
    buffer: ProgressBuffer,
    clock: Clock,
    log: Logger,
    consoles: SubjobConsoles,
  ) {
    this.#consoles = consoles;
    this.#assignment = assignment;
    this.#session = session;
    this.#buffer = buffer;
    this.#clock = clock;
    this.#log = log;
  }

  note(progress: AtomProgress): void {
    this.#news.set(progress.id, progress);
    if (progress.state === 'IN_PROGRESS') {
      this.#console = new ConsoleFollower(progress.id, this.#consoles.of(progress.id));
      return;
    }
    // What nobody has seen the beginning of comes with the result: most atoms end before they are looked at.
    if (this.#console?.hasBegun === true) {
      this.#ended.push(this.#console);
    }
    this.#console = null;
  }

  /** Reports until `stop` is called. `stale` is called when the master says that the lease is over. */
  async run(stale: () => void): Promise<void> {
    const { signal } = this.#stop;
    while (await sleepUnlessAborted(this.#clock, INTERVAL_MS, signal)) {
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
        // question for work tells of that. What the master refuses now it would refuse again.
        if (error instanceof ClusterRunnerError && error.code === 'INVALID_REQUEST') {
          this.#unheard = [];
        }
        this.#log.debug(`Progress could not be reported: ${messageOf(error)}`);
      }
    }
  }

  stop(): void {
    this.#stop.abort();
    this.#buffer.end(this.#assignment.lease);
  }

  /** What atoms have printed is sent at once; that they began or ended waits a moment for a question for work. */
  async #report(signal: AbortSignal): Promise<void> {
    const { build_id, subjob_id, lease } = this.#assignment;
    if (this.#unheard.length === 0) {
      this.#unheard = [...this.#ended.splice(0), this.#console].flatMap((console) => console?.next() ?? []);
    }
    const consoles = this.#unheard;
    if (consoles.length === 0) {
      this.#buffer.markDue(lease);
      if (this.#news.size > 0) {
        this.#buffer.add({ build_id, subjob_id, lease, atoms: [...this.#news.values()] });
        this.#news.clear();
      }
      return;
    }
    for (const atom of this.#buffer.withdraw(lease)) {
      this.#news.set(atom.id, this.#news.get(atom.id) ?? atom);
    }
    const atoms = [...this.#news.values()];
    this.#buffer.supersede(lease, atoms);
    await this.#session.callOnce(
      (slave, options) =>
        this.#session.client.reportProgress(slave, build_id, subjob_id, { lease, atoms, consoles }, options),
      signal,
    );
    this.#unheard = [];
    for (const atom of atoms) {
      if (this.#news.get(atom.id) === atom) {
        this.#news.delete(atom.id);
      }
    }
  }
}
