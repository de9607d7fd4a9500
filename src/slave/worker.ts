import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ARTIFACT_DIR } from '../job/command-environment.js';
import { ensureOwnFolder } from '../lib/fs/own-folder.js';
import { textStart } from '../lib/text/text-ends.js';
import { endDetachedProcesses } from '../process/containment/detached-processes.js';
import { ClusterRunnerError, messageOf } from '../protocol/errors.js';
import type { BuildId } from '../protocol/ids.js';
import type {
  Assignment,
  LeaseRef,
  PrepareAssignment,
  RunAssignment,
  WorkRequest,
} from '../protocol/slave/slave-messages.js';
import type { Outbox } from './archive/outbox.js';
import { packResults } from './archive/pack-results.js';
import type { WrittenArchive } from './archive/write-archive.js';
import { abortable } from './build/abortable.js';
import { BuildContext, CANCEL_GRACE_MS, type SlaveContext } from './build/build-context.js';
import { explainOversizedList, prepare, scratchFile } from './build/prepare-build.js';
import { type AtomProgress, runSubjob, type SubjobOutcome } from './build/run-subjob.js';
import { withSetup } from './build/setup-output.js';
import { SubjobConsoles } from './console/subjob-consoles.js';
import type { UnremovableFiles } from './disk/unremovable-files.js';
import { AssignmentQueue } from './executors/assignment-queue.js';
import { ExecutorSlot } from './executors/executor-slot.js';
import { Executors } from './executors/executors.js';
import { ActiveLeases, type HeldLease } from './executors/held-leases.js';
import { Prefetcher } from './executors/prefetcher.js';
import { LeaseReturns, MAX_OUTPUT_CHARS } from './link/lease-returns.js';
import type { MasterLink } from './link/master-link.js';
import { ProgressReporter } from './link/progress-reporter.js';
import type { SlaveStatus } from './link/status-api.js';

export interface WorkerOptions extends SlaveContext {
  readonly numExecutors: number;
  readonly outbox: Outbox;
  /** A folder for what runs; what is in it at the start is nobody's. */
  readonly work: string;
  readonly unremovable: UnremovableFiles;
  readonly link: Pick<MasterLink, 'update' | 'progress'>;
  /** See SlaveOptions. */
  readonly onEvent?: (tag: string, data: Readonly<Record<string, unknown>>) => void;
}

/** Does what the master hands out: prepares builds, runs subjobs, and puts what came of them into the outbox. */
export class Worker {
  readonly executors: Executors;
  readonly leases = new ActiveLeases();
  readonly #options: WorkerOptions;
  readonly #hosts = new Map<BuildId, BuildContext>();
  /** Builds whose teardown is under way. */
  readonly #releasing = new Map<BuildId, Promise<void>>();
  readonly #ahead: Prefetcher;
  readonly #leaseReturns: LeaseReturns;
  readonly #waiting: AssignmentQueue;
  readonly #stop = new AbortController();
  /** Results that are being packed. */
  #packing = 0;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.executors = new Executors(options.numExecutors);
    this.#leaseReturns = new LeaseReturns(options.session, options.redactor, options.log);
    this.#ahead = new Prefetcher(options.clock, () => options.link.update());
    this.#waiting = new AssignmentQueue(options.clock, this.#leaseReturns, () => options.link.update());
  }

  /** What the master must know to hand out work, at this moment. */
  capacity(): Pick<WorkRequest, 'free_executors' | 'ahead' | 'leases' | 'builds'> {
    const { free } = this.executors;
    const waiting = this.#waiting.size;
    const ahead = Math.max(0, this.#ahead.soon - Math.max(0, waiting - free));
    const takesMore = !this.#options.outbox.isFull;
    return {
      free_executors: takesMore ? Math.max(0, free - waiting) : 0,
      ahead: takesMore ? ahead : 0,
      leases: [
        ...this.leases.refs(),
        ...this.#waiting.refs(),
        ...this.#options.outbox.leases().filter((lease) => !this.leases.has(lease)),
      ],
      builds: [...this.#hosts.keys()],
    };
  }

  /** Nothing runs, and nothing waits to run. */
  get isIdle(): boolean {
    return this.leases.all().length === 0 && this.#waiting.size === 0;
  }

  /** What people see of it. */
  status(): Pick<SlaveStatus, 'executors' | 'builds_in_teardown'> {
    const running = new Map(
      this.leases.all().map(({ assignment, executor }) => [executor, assignment] as const),
    );
    const executors = Array.from({ length: this.executors.total }, (_, id) => {
      const busy = this.executors.isBusy(id);
      const assignment = busy ? running.get(id) : undefined;
      return {
        id,
        busy,
        current_build: assignment?.build_id ?? null,
        current_subjob: assignment?.kind === 'run' ? assignment.subjob_id : null,
      };
    });
    return { executors, builds_in_teardown: [...this.#releasing.keys()] };
  }

  /** Begins as soon as an executor is free. */
  start(assignment: Assignment): void {
    this.#waiting.add(assignment);
    this.#startWaiting();
  }

  /** Drops the work of a lease that is over. */
  cancel(lease: LeaseRef): void {
    if (this.#waiting.drop(lease) === undefined) {
      this.leases.cancel(lease);
    }
  }

  /** The build of this lease is being ended, and the master waits for what there is of it. */
  interrupt(lease: LeaseRef): void {
    const waiting = this.#waiting.drop(lease);
    if (waiting !== undefined) {
      void this.#leaseReturns.returnLeaseBriefly(waiting);
      return;
    }
    this.leases.interrupt(lease);
    const held = this.leases.all().find(({ assignment }) => assignment.lease.lease_id === lease.lease_id);
    if (held !== undefined) {
      // A setup that is under way ends; what runs already does not need it any more.
      this.#hosts.get(held.assignment.build_id)?.cancel();
    }
  }

  /** The build needs this slave no more: its fetch or setup ends, teardown runs, its workspace goes. */
  release(build: BuildId): void {
    this.#hosts.get(build)?.cancel();
    this.#release(build);
  }

  /** Ends what runs, puts what there is of it into the outbox or hands it back, runs teardowns. Resolves when no process of any build is left. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('The slave is stopping.'));
    const { reason } = this.#stop.signal;
    const given = this.#waiting.takeAll();
    for (const { assignment, cancel, interrupt } of this.leases.all()) {
      if (assignment.kind === 'run') {
        interrupt.abort(reason);
      } else {
        given.push(assignment);
        cancel.abort(reason);
      }
    }
    for (const host of this.#hosts.values()) {
      host.cancel();
    }
    await Promise.all(given.map((assignment) => this.#leaseReturns.returnLeaseBriefly(assignment)));
    await Promise.all(this.leases.all().map(({ done }) => done));
    for (const build of [...this.#hosts.keys()]) {
      this.#release(build);
    }
    await Promise.all(this.#releasing.values());
  }

  #startWaiting(): void {
    while (this.executors.free > 0 && !this.#stop.signal.aborted) {
      const assignment = this.#waiting.take();
      if (assignment === undefined) {
        return;
      }
      const lease: HeldLease = {
        assignment,
        executor: this.executors.take(),
        cancel: new AbortController(),
        interrupt: new AbortController(),
        done: Promise.resolve(),
      };
      this.leases.add(lease);
      lease.done = this.#work(lease);
    }
  }

  /** Never rejects. */
  async #work(lease: HeldLease): Promise<void> {
    const { assignment, cancel, interrupt } = lease;
    const executor = new ExecutorSlot(this.executors, lease.executor, () => {
      this.#ahead.end(assignment.lease.lease_id);
      this.#startWaiting();
      this.#options.link.update();
    });
    this.#recordEvent('STARTED', lease);
    try {
      await (assignment.kind === 'prepare'
        ? this.#prepare(assignment, cancel.signal)
        : this.#run(assignment, lease, executor));
    } catch (error) {
      if (interrupt.signal.aborted && !cancel.signal.aborted) {
        await this.#leaseReturns.returnLeaseBriefly(assignment);
      } else if (!cancel.signal.aborted) {
        await this.#couldNotRun(assignment, error, cancel.signal);
      }
    } finally {
      await this.#options.unremovable.clear(this.#directoryOf(assignment));
      this.leases.remove(assignment.lease);
      executor.end();
      this.#recordEvent('ENDED', lease);
      this.#options.link.update();
    }
  }

  #recordEvent(what: 'STARTED' | 'ENDED', { assignment, executor }: HeldLease): void {
    const { kind, build_id } = assignment;
    this.#options.onEvent?.(
      `${kind === 'prepare' ? 'PREPARATION' : 'SUBJOB'}_${what}`,
      kind === 'prepare'
        ? { build_id, executor_id: executor }
        : { build_id, subjob_id: assignment.subjob_id, executor_id: executor },
    );
  }

  async #prepare(assignment: PrepareAssignment, signal: AbortSignal): Promise<void> {
    const { session, clock, work } = this.#options;
    const { build_id } = assignment;
    const host = await this.#hostOf(assignment);
    try {
      // Before others are told to run it: who comes later would ask the origin.
      const [prepared] = await Promise.all([
        prepare(assignment, host, scratchFile(work, assignment), signal, clock),
        abortable(host.share(), signal),
      ]);
      await session
        .retryUntilAcknowledged(
          (slave, options) => session.client.reportPrepared(slave, build_id, prepared, options),
          signal,
        )
        .catch((error: unknown) => {
          throw explainOversizedList(error, prepared.atoms.length);
        });
    } catch (error) {
      if (signal.aborted || !isOfTheProject(error)) {
        throw error;
      }
      const report = {
        lease: assignment.lease,
        error: textStart(this.#options.redactor.inEnd(error.message), MAX_OUTPUT_CHARS),
      };
      await session.retryUntilAcknowledged(
        (slave, options) => session.client.reportPreparationFailed(slave, build_id, report, options),
        signal,
      );
      this.#release(build_id);
    }
  }

  async #run(assignment: RunAssignment, held: HeldLease, executor: ExecutorSlot): Promise<void> {
    const { signal } = held.cancel;
    const ending = AbortSignal.any([signal, held.interrupt.signal]);
    const { outbox, redactor, root, work } = this.#options;
    const { build_id, subjob_id, lease } = assignment;
    const host = await this.#hostOf(assignment);
    const failure = await abortable(host.ready(assignment.job), ending);
    if (failure !== null) {
      await this.#leaseReturns.returnLease(assignment, 'setup_failed', failure, signal);
      return;
    }
    const { projectDirectory } = await host.workspace();
    await ensureOwnFolder(root, work);
    const consoles = new SubjobConsoles(
      join(this.#directoryOf(assignment), 'consoles'),
      assignment.limits.console_bytes,
      redactor,
      await host.pathAliases(),
    );
    const written = await this.#runAndPack(
      assignment,
      host,
      projectDirectory,
      consoles,
      held,
      executor,
    ).finally(() => consoles.close());
    if (signal.aborted) {
      await rm(outbox.archivePath(lease), { force: true });
      return;
    }
    if (written === null) {
      await this.#leaseReturns.returnLeaseBriefly(assignment);
      return;
    }
    const { outcome, archive } = written;
    const { facts, ...index } = archive;
    const atoms = outcome.verdicts.map((verdict) => {
      const said = facts.get(verdict.id);
      return said === undefined ? verdict : { ...verdict, facts: said };
    });
    const { unfinished } = outcome;
    outbox.send(build_id, subjob_id, {
      lease,
      atoms,
      ran_in: { project_directory: projectDirectory, executor_index: executor.index },
      ...(unfinished.length === 0 ? {} : { unfinished: [...unfinished] }),
      index,
    });
  }

  /** Until it is canceled or interrupted. null when there is nothing to deliver. */
  async #runAndPack(
    assignment: RunAssignment,
    host: BuildContext,
    projectDirectory: string,
    consoles: SubjobConsoles,
    { cancel, interrupt }: HeldLease,
    executor: ExecutorSlot,
  ): Promise<{ outcome: SubjobOutcome; archive: WrittenArchive } | null> {
    const { session, link, clock, log, outbox } = this.#options;
    const { lease } = assignment;
    const reporter = new ProgressReporter(assignment, session, link.progress, clock, log, consoles);
    const reporting = reporter.run(() => this.leases.cancel(lease));
    const outcome = await runSubjob({
      assignment,
      projectDirectory,
      runner: await host.atomRunner(assignment.job, projectDirectory),
      consoles,
      executorIndex: executor.index,
      directory: this.#directoryOf(assignment),
      signal: AbortSignal.any([cancel.signal, interrupt.signal]),
      clock,
      onProgress: (progress) => {
        reporter.note(progress);
        this.#noteProgress(assignment, progress);
      },
    }).finally(() => reporter.stop());
    await reporting;
    // What a slave that stops has cut off runs again elsewhere; of what its build has, there is nothing but this.
    const runsElsewhere = interrupt.signal.aborted && interrupt.signal.reason === this.#stop.signal.reason;
    const ended = new Set(outcome.verdicts.map(({ id }) => id));
    const folders = outcome.folders.filter(({ atom }) => !runsElsewhere || ended.has(atom));
    if (cancel.signal.aborted || folders.length === 0) {
      return null;
    }
    // The next subjob runs while this one is packed, unless packing does not keep up.
    if (this.#packing < this.executors.total) {
      executor.end();
    }
    this.#packing += 1;
    const { limits } = assignment;
    const whole = withSetup(folders, host.takeSetupText());
    const archive = await packResults(whole, outbox.archivePath(lease), { limits }).finally(() => {
      this.#packing -= 1;
    });
    return { outcome, archive };
  }

  #noteProgress({ lease, atoms, expected_seconds }: RunAssignment, { id, state }: AtomProgress): void {
    if (state === 'COMPLETED') {
      this.#ahead.noteEnded(lease.lease_id);
    } else if (id === atoms[0]?.id) {
      this.#ahead.begin(lease.lease_id, atoms.length, expected_seconds);
    }
  }

  /** What went wrong here may go well on another slave. */
  async #couldNotRun(assignment: Assignment, error: unknown, signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    if (error instanceof ClusterRunnerError) {
      log.warn({ build: assignment.build_id }, error.message);
    } else {
      log.error({ err: error, build: assignment.build_id }, 'An assignment failed by a fault of the slave.');
    }
    this.#release(assignment.build_id);
    await this.#leaseReturns.tryReturnLease(assignment, 'could_not_run', messageOf(error), signal);
  }

  /** The build's host, made at its first assignment; one whose teardown still runs is waited for. */
  async #hostOf(assignment: Assignment): Promise<BuildContext> {
    const id = assignment.build_id;
    await this.#releasing.get(id);
    const known = this.#hosts.get(id);
    if (known !== undefined) {
      return known;
    }
    const host = new BuildContext(id, assignment, this.#options);
    this.#hosts.set(id, host);
    return host;
  }

  /** Ends what runs of the build, then its host. */
  #release(id: BuildId): void {
    const host = this.#hosts.get(id);
    if (host === undefined) {
      return;
    }
    this.#hosts.delete(id);
    const leases = this.leases.ofBuild(id);
    const released = (async () => {
      await Promise.all(leases.map(({ done }) => done));
      await host.release();
      await this.#endDetachedProcesses();
      await this.#options.unremovable.look();
    })()
      .catch((error: unknown) => {
        this.#options.log.error({ err: error, build: id }, 'A workspace could not be removed.');
      })
      .finally(() => {
        this.#releasing.delete(id);
        this.#options.link.update();
      });
    this.#releasing.set(id, released);
  }

  /** What atoms have started that left their groups, and whose lease is over. */
  async #endDetachedProcesses(): Promise<void> {
    // Asked for each process when it is seen: atoms of other builds begin while those that do not end are waited for.
    const isOver = (folder: string) =>
      folder.startsWith(`${this.#options.work}/`) &&
      !this.leases.all().some(({ assignment }) => this.#directoryOf(assignment) === dirname(folder));
    await endDetachedProcesses(ARTIFACT_DIR, isOver, CANCEL_GRACE_MS, this.#options.clock);
  }

  #directoryOf({ lease }: Assignment): string {
    return join(this.#options.work, String(lease.lease_id));
  }
}

/** Whether a preparation failed for a reason that no other slave can mend. */
function isOfTheProject(error: unknown): error is ClusterRunnerError {
  return (
    error instanceof ClusterRunnerError &&
    (error.code === 'PREPARATION_FAILED' || error.code === 'JOB_INVALID')
  );
}
