import { awakeSleep } from '../../lib/async/awake-sleep.js';
import { TimeLimit } from '../../lib/async/time-limit.js';
import { existingIdentity, isSameProcess } from '../../lib/process-identity.js';
import type { TestCounts } from '../../protocol/results/result-facts.js';
import type { RunRequest, WorkerMessage } from '../../protocol/worker/worker-messages.js';
import type { Survivor } from '../containment/family.js';
import { LEFTOVER_GRACE_MS } from '../supervise.js';
import { OutcomeQueue } from './outcome-queue.js';
import { WorkerFamily } from './worker-family.js';
import { type WorkerCommand, WorkerProcess } from './worker-process.js';
import { nextWorkerState, type WorkerEvent, type WorkerOutcome, type WorkerState } from './worker-state.js';

/** How long a worker may take at its start: it imports the project. */
const START_SECONDS = 300;
/** How long a worker may take from a request to the begin of its atom. */
const BEGIN_SECONDS = 60;
/** How long a worker may take to report the end of an atom when the atom's process has ended. */
const REPORT_SECONDS = 10;
/** How often it is checked whether the process of an atom still lives. */
const CHECK_MS = 1000;

export interface WarmWorkerOptions extends WorkerCommand {
  /** Aborting it ends a worker that is not ready yet. */
  readonly signal: AbortSignal;
  /** Between TERM and KILL of a worker whose start is canceled, or has failed. */
  readonly graceMs: number;
  /** Called when it ends between two atoms without having been asked to. */
  onLost(reason: string): void;
}

export interface FailedStart {
  readonly kind: 'failed' | 'canceled';
  readonly reason: string;
  /** The end of what it printed. */
  readonly printed: string;
}

export interface WorkerAtom {
  readonly request: Omit<RunRequest, 'kind' | 'request'>;
  /** See Series. */
  readonly signal: AbortSignal;
  readonly limitSeconds: number | null;
  readonly graceMs: number;
  readonly limitGraceMs: number;
  onBegin(): void;
}

export type WorkerAtomEnd =
  | { readonly kind: 'canceled' }
  /** The worker has ended before it reported the begin of the atom. */
  | { readonly kind: 'not begun'; readonly reason: string }
  /** The worker has ended, or broken its protocol: there is no verdict of its own. */
  | {
      readonly kind: 'failed';
      readonly reason: string;
      readonly seconds: number;
      readonly survivors: readonly Survivor[];
    }
  | {
      readonly kind: 'ended';
      /** It says nothing of an atom that took too long. */
      readonly exitCode: number;
      readonly seconds: number;
      readonly tookTooLong: boolean;
      readonly tests: TestCounts | null;
      readonly survivors: readonly Survivor[];
    };

/** A worker from its start to its end, and the atom that it runs; see worker-state.ts for its states. */
export class WarmWorker {
  readonly #options: WarmWorkerOptions;
  readonly #outcomes = new OutcomeQueue();
  #process: WorkerProcess | null = null;
  #family: WorkerFamily | null = null;
  #state: WorkerState = { kind: 'starting' };
  #requests = 0;
  #lostBy = '';
  /** The process of the running atom, see existingIdentity; null without one. */
  #atomIdentity: { readonly pid: number; readonly identity: string } | null = null;

  private constructor(options: WarmWorkerOptions) {
    this.#options = options;
  }

  /**
   * Resolves when it is ready, or its start has failed and nothing of it is left.
   * @throws ClusterRunnerError UNAVAILABLE, PREPARATION_FAILED when this machine cannot start a process
   */
  static async start(options: WarmWorkerOptions): Promise<WarmWorker | FailedStart> {
    const worker = new WarmWorker(options);
    const failure = await worker.#start();
    return failure ?? worker;
  }

  async #start(): Promise<FailedStart | null> {
    const { signal, graceMs, clock } = this.#options;
    this.#process = await WorkerProcess.start(this.#options, {
      onMessage: (message) => this.#heard(message),
      onFault: (reason) => this.#apply({ kind: 'fault', reason }),
    });
    const outcome = await this.#within(START_SECONDS, signal, 'The worker was not ready');
    const pid = await this.#process.leader.pid;
    if (outcome?.kind === 'ready' && pid !== null) {
      this.#family = new WorkerFamily(this.#process.leader, pid, clock);
      this.#family.noteOwn();
      return null;
    }
    await this.end(graceMs);
    const reason = outcome?.kind === 'failed' ? outcome.reason : 'The worker was not needed any more.';
    return { kind: outcome === null ? 'canceled' : 'failed', reason, printed: this.printed() };
  }

  /** The number of atoms that it was asked to run. */
  get requests(): number {
    return this.#requests;
  }

  get isOver(): boolean {
    return this.#state.kind === 'over';
  }

  /** The end of what it has printed, apart from the atoms' output. */
  printed(): string {
    return this.#process?.printed() ?? '';
  }

  /** Runs one atom at a time. When this resolves, nothing of the atom lives, and unless it `ended`, nothing of the worker. */
  async run(atom: WorkerAtom): Promise<WorkerAtomEnd> {
    const [process, family] = [this.#process, this.#family];
    if (process === null || family === null) {
      throw new Error('A worker that is not ready was asked to run an atom.');
    }
    if (this.#state.kind === 'idle' && this.#state.isolation === 'none') {
      family.noteOwn();
    }
    this.#requests += 1;
    this.#apply({ kind: 'request', request: this.#requests });
    if (!this.isOver) {
      process.send({ kind: 'run', request: this.#requests, ...atom.request });
    }
    const begun = await this.#within(BEGIN_SECONDS, atom.signal, 'The worker did not begin the atom');
    if (begun?.kind !== 'begun') {
      await this.end(atom.graceMs);
      return begun?.kind === 'failed'
        ? { kind: 'not begun', reason: this.#lostBy || begun.reason }
        : { kind: 'canceled' };
    }
    atom.onBegin();
    const watched = new AbortController();
    if (begun.process !== null) {
      void this.#watch(watched.signal);
    }
    try {
      return await this.#follow(atom, begun.process, family);
    } finally {
      watched.abort();
    }
  }

  /** From the begin of the atom to its end. */
  async #follow(atom: WorkerAtom, pid: number | null, family: WorkerFamily): Promise<WorkerAtomEnd> {
    const { clock } = this.#options;
    const { signal, graceMs } = atom;
    const since = clock.monotonic();
    const limit = new TimeLimit(clock, atom.limitSeconds, signal);
    const outcome = await this.#outcomes.take(limit.signal);
    limit.end();
    const seconds = Math.max(0, clock.monotonic() - since) / 1000;
    if (outcome === null) {
      if (!limit.isOver) {
        await this.end(graceMs);
        return { kind: 'canceled' };
      }
      const survivors = await this.#endLate(atom, pid, family);
      return { kind: 'ended', exitCode: 0, seconds, tookTooLong: true, tests: null, survivors };
    }
    if (outcome.kind !== 'ended') {
      const reason = outcome.kind === 'failed' ? outcome.reason : 'The worker is not ready.';
      return { kind: 'failed', reason, seconds, survivors: await this.end(graceMs) };
    }
    const survivors = family.hasOthers(pid)
      ? await family.endOthers(pid, Math.min(LEFTOVER_GRACE_MS, graceMs))
      : [];
    const { exitCode, tests } = outcome;
    return { kind: 'ended', exitCode, seconds, tookTooLong: false, tests, survivors };
  }

  /** Ends an atom that took too long; the worker too, unless it can go on. */
  async #endLate(
    { signal, graceMs, limitGraceMs }: WorkerAtom,
    pid: number | null,
    family: WorkerFamily,
  ): Promise<readonly Survivor[]> {
    if (pid === null) {
      return this.end(limitGraceMs);
    }
    const survivors = await family.endOthers(pid, limitGraceMs);
    const outcome = this.#atomLives()
      ? null
      : await this.#within(REPORT_SECONDS, signal, 'The worker did not report the end of the atom');
    return outcome?.kind === 'ended' ? survivors : [...survivors, ...(await this.end(graceMs))];
  }

  /** Ends a worker that does not report the end of its atom. */
  async #watch(signal: AbortSignal): Promise<void> {
    const sleep = (ms: number) =>
      awakeSleep(this.#options.clock, ms, signal).then(
        () => true,
        () => false,
      );
    while (await sleep(CHECK_MS)) {
      if (!this.#atomLives()) {
        if (await sleep(REPORT_SECONDS * 1000)) {
          const reason = `The worker did not report the end of the atom within ${REPORT_SECONDS} s after its process had ended.`;
          this.#apply({ kind: 'fault', reason });
        }
        return;
      }
    }
  }

  /** Asks it to exit, and ends it if it does not. */
  async dismiss(): Promise<readonly Survivor[]> {
    this.#apply({ kind: 'dismissed' });
    return (await this.#process?.dismiss()) ?? [];
  }

  /** Ends it and everything that it has started. Resolves with what could not be ended. */
  async end(graceMs: number): Promise<readonly Survivor[]> {
    this.#apply({ kind: 'dismissed' });
    return (await this.#process?.end(graceMs)) ?? [];
  }

  #heard(message: WorkerMessage): void {
    const process = message.kind === 'begun' ? (message.process ?? null) : null;
    if (process !== null) {
      const identity = existingIdentity(process);
      this.#atomIdentity = identity === null ? null : { pid: process, identity };
    }
    this.#apply({
      kind: 'message',
      message,
      isOwnProcess: process === null || this.#family?.hasStarted(process) === true,
      isAtomReaped: message.kind !== 'ended' || this.#isAtomReaped(),
    });
  }

  #atomLives(): boolean {
    return this.#atomIdentity !== null && isSameProcess(this.#atomIdentity.identity);
  }

  /** Whether the worker can know the exit code. */
  #isAtomReaped(): boolean {
    const atom = this.#atomIdentity;
    return atom === null || existingIdentity(atom.pid) !== atom.identity;
  }

  #apply(event: WorkerEvent): void {
    const before = this.#state.kind;
    const { state, outcome } = nextWorkerState(this.#state, event);
    this.#state = state;
    if (outcome === null) {
      return;
    }
    if (before === 'idle' && outcome.kind === 'failed') {
      this.#lostBy = outcome.reason;
      this.#options.onLost(outcome.reason);
      void this.#process?.end(0);
      return;
    }
    if (outcome.kind === 'ended') {
      this.#atomIdentity = null;
    }
    this.#outcomes.add(outcome);
  }

  /** The next outcome; null when `signal` is aborted first. After `seconds`, that the worker has failed: `what` says in what. */
  async #within(seconds: number, signal: AbortSignal, what: string): Promise<WorkerOutcome | null> {
    const limit = new TimeLimit(this.#options.clock, seconds, signal);
    try {
      const outcome = await this.#outcomes.take(limit.signal);
      if (outcome !== null || !limit.isOver) {
        return outcome;
      }
      const reason = `${what} within ${seconds} s.`;
      this.#apply({ kind: 'fault', reason });
      return { kind: 'failed', reason };
    } finally {
      limit.end();
    }
  }
}
