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
  ResultReport,
  RunAssignment,
  WorkRequest,
} from '../protocol/slave/slave-messages.js';
import type { Outbox } from './archive/outbox.js';
import { packResults } from './archive/pack-results.js';
import type { WrittenArchive } from './archive/write-archive.js';
import { abortable } from './build/abortable.js';
import { type BuildContext, CANCEL_GRACE_MS, type SlaveContext } from './build/build-context.js';
import { LeaseTimes } from './build/lease-times.js';
import { OpenBuilds } from './build/open-builds.js';
import { atomizerScratchFile, explainOversizedList, prepareBuild } from './build/prepare-build.js';
import { resultReport } from './build/result-report.js';
import { runSubjob } from './build/run-subjob.js';
import { withSetupOutput } from './build/setup-output.js';
import type { SubjobOutcome } from './build/subjob-record.js';
import type { AtomProgress } from './build/subjob-run.js';
import { SubjobConsoles } from './console/subjob-consoles.js';
import type { UnremovableFiles } from './disk/unremovable-files.js';
import { AssignmentQueue } from './executors/assignment-queue.js';
import { ExecutorSlot } from './executors/executor-slot.js';
import { Executors } from './executors/executors.js';
import { type HeldLease, HeldLeases } from './executors/held-leases.js';
import { Prefetcher } from './executors/prefetcher.js';
import { LeaseReturns, MAX_OUTPUT_CHARS } from './link/lease-returns.js';
import type { MasterLink } from './link/master-link.js';
import { ProgressReporter } from './link/progress-reporter.js';
import type { SlaveStatus } from './link/status-api.js';

export interface WorkerOptions extends SlaveContext {
  readonly numExecutors: number;
  readonly outbox: Outbox;
  /** The folder of everything that runs; it is empty at the start. */
  readonly work: string;
  readonly unremovable: UnremovableFiles;
  readonly link: Pick<MasterLink, 'update' | 'progress'>;
  /** See SlaveOptions. */
  readonly onEvent?: (tag: string, data: Readonly<Record<string, unknown>>) => void;
}

/** Works on leases: prepares builds, runs subjobs, and puts their results into the outbox. */
export class Worker {
  readonly executors: Executors;
  readonly leases = new HeldLeases();
  readonly #options: WorkerOptions;
  readonly #builds: OpenBuilds;
  readonly #prefetcher: Prefetcher;
  readonly #leaseReturns: LeaseReturns;
  readonly #queue: AssignmentQueue;
  readonly #stop = new AbortController();
  /** How many results are being packed. */
  #packing = 0;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.executors = new Executors(options.numExecutors);
    this.#builds = new OpenBuilds(options, {
      leasesEnded: (build) => Promise.all(this.leases.ofBuild(build).map(({ done }) => done)),
      cleanUp: async () => {
        await this.#endDetachedProcesses();
        await options.unremovable.refresh();
      },
      onReleased: () => options.link.update(),
    });
    this.#leaseReturns = new LeaseReturns(options.session, options.redactor, options.log);
    this.#prefetcher = new Prefetcher(options.clock, () => options.link.update());
    this.#queue = new AssignmentQueue(options.clock, this.#leaseReturns, () => options.link.update());
  }

  /** At this moment; see LinkTarget. */
  capacity(): Pick<WorkRequest, 'free_executors' | 'ahead' | 'leases' | 'builds'> {
    const { free } = this.executors;
    const waiting = this.#queue.size;
    const ahead = Math.max(0, this.#prefetcher.freeSoon - Math.max(0, waiting - free));
    const takesMore = !this.#options.outbox.isFull;
    return {
      free_executors: takesMore ? Math.max(0, free - waiting) : 0,
      ahead: takesMore ? ahead : 0,
      leases: [
        ...this.leases.refs(),
        ...this.#queue.refs(),
        ...this.#options.outbox.leases().filter((lease) => !this.leases.has(lease)),
      ],
      builds: this.#builds.ids(),
    };
  }

  /** Whether nothing runs, and nothing waits to run. */
  get isIdle(): boolean {
    return this.leases.all().length === 0 && this.#queue.size === 0;
  }

  /** For the status API. */
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
    return { executors, builds_in_teardown: this.#builds.releasing() };
  }

  /** Starts the assignment as soon as an executor is free. */
  start(assignment: Assignment): void {
    this.#queue.add(assignment);
    this.#startQueued();
  }

  /** Drops the work of a lease that is over. */
  cancel(lease: LeaseRef): void {
    if (this.#queue.drop(lease) === undefined) {
      this.leases.cancel(lease);
    }
  }

  /** The build of this lease is being ended, and the master waits for its partial result. */
  interrupt(lease: LeaseRef): void {
    const waiting = this.#queue.drop(lease);
    if (waiting !== undefined) {
      void this.#leaseReturns.returnLeaseBriefly(waiting);
      return;
    }
    const held = this.leases.interrupt(lease);
    if (held !== undefined) {
      // Ends a running fetch or setup; atoms that run already do not need it any more.
      this.#builds.cancel(held.assignment.build_id);
    }
  }

  /** The build does not need this slave any more: its fetch or setup ends, teardown runs, the workspace is removed. */
  release(build: BuildId): void {
    this.#builds.cancel(build);
    this.#builds.release(build);
  }

  /** Ends everything that runs, delivers or returns its leases, runs teardowns. Resolves when no process of a build is left. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('The slave is stopping.'));
    const { reason } = this.#stop.signal;
    const toReturn = this.#queue.takeAll();
    for (const { assignment, cancel, interrupt } of this.leases.all()) {
      if (assignment.kind === 'run') {
        interrupt.abort(reason);
      } else {
        toReturn.push(assignment);
        cancel.abort(reason);
      }
    }
    for (const build of this.#builds.ids()) {
      this.#builds.cancel(build);
    }
    await Promise.all(toReturn.map((assignment) => this.#leaseReturns.returnLeaseBriefly(assignment)));
    await Promise.all(this.leases.all().map(({ done }) => done));
    await this.#builds.releaseAll();
  }

  #startQueued(): void {
    while (this.executors.free > 0 && !this.#stop.signal.aborted) {
      const arrived = this.#queue.take();
      if (arrived === undefined) {
        return;
      }
      const lease: HeldLease = {
        ...arrived,
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
      this.#prefetcher.end(assignment.lease.lease_id);
      this.#startQueued();
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
      executor.release();
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
    const context = await this.#builds.contextOf(assignment);
    try {
      // The commit is shared before the build is reported as prepared: other slaves would fetch it from the origin.
      const [prepared] = await Promise.all([
        prepareBuild(assignment, context, atomizerScratchFile(work, assignment), signal, clock),
        abortable(context.share(), signal),
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
      if (signal.aborted || !isProjectError(error)) {
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
      this.#builds.release(build_id);
    }
  }

  async #run(assignment: RunAssignment, held: HeldLease, executor: ExecutorSlot): Promise<void> {
    const { signal } = held.cancel;
    const times = new LeaseTimes(this.#options.clock, assignment, held.arrivedAt);
    const began = this.#options.clock.monotonic();
    const ending = AbortSignal.any([signal, held.interrupt.signal]);
    const { outbox, redactor, root, work } = this.#options;
    const { build_id, subjob_id, lease } = assignment;
    const context = await this.#builds.contextOf(assignment);
    const surroundings = await abortable(this.#surroundingsOf(assignment, context), ending);
    const failure = await abortable(context.ready(assignment.job), ending);
    if (failure !== null) {
      await this.#leaseReturns.returnLease(assignment, 'setup_failed', failure, signal);
      return;
    }
    const setup = times.setup(began);
    const { projectDirectory } = await context.workspace();
    await ensureOwnFolder(root, work);
    const consoles = new SubjobConsoles(
      join(this.#directoryOf(assignment), 'consoles'),
      assignment.limits.console_bytes,
      redactor,
      await context.pathAliases(),
    );
    const written = await this.#runAndPack(
      assignment,
      context,
      projectDirectory,
      consoles,
      held,
      executor,
      times,
    ).finally(() => consoles.close());
    if (signal.aborted) {
      await rm(outbox.archivePath(lease), { force: true });
      return;
    }
    if (written === null) {
      await this.#leaseReturns.returnLeaseBriefly(assignment);
      return;
    }
    const ran_in = { project_directory: projectDirectory, executor_index: executor.index };
    const head = { lease, ran_in, ...setup, ...surroundings };
    outbox.send(build_id, subjob_id, resultReport(written.outcome, written.archive, head));
  }

  /** Empty when they are not asked for or cannot be found out: then the passes of the atoms are not recorded. */
  async #surroundingsOf(
    { surroundings: named, build_id }: RunAssignment,
    context: BuildContext,
  ): Promise<Pick<ResultReport, 'surroundings'>> {
    try {
      return named === undefined ? {} : { surroundings: await context.surroundings(named) };
    } catch (error) {
      if (!(error instanceof ClusterRunnerError)) {
        throw error;
      }
      const { log, redactor } = this.#options;
      log.warn({ build: build_id }, redactor.inEnd(error.message));
      return {};
    }
  }

  /** Runs until the lease is canceled or interrupted. Resolves with null when there is nothing to deliver. */
  async #runAndPack(
    assignment: RunAssignment,
    context: BuildContext,
    projectDirectory: string,
    consoles: SubjobConsoles,
    { cancel, interrupt }: HeldLease,
    executor: ExecutorSlot,
    times: LeaseTimes,
  ): Promise<{ outcome: SubjobOutcome; archive: WrittenArchive } | null> {
    const { session, link, clock, log, outbox } = this.#options;
    const { lease } = assignment;
    const runner = await context.atomRunner(assignment.job, projectDirectory);
    const reporter = new ProgressReporter({
      assignment,
      consoles,
      session,
      buffer: link.progress,
      executor: times.executor(executor.index),
      clock,
      log,
    });
    const reporting = reporter.run(() => this.leases.cancel(lease));
    const outcome = await runSubjob({
      assignment,
      projectDirectory,
      runner,
      consoles,
      executorIndex: executor.index,
      directory: this.#directoryOf(assignment),
      signal: AbortSignal.any([cancel.signal, interrupt.signal]),
      clock,
      times,
      onProgress: (progress) => {
        reporter.note(progress);
        this.#noteProgress(assignment, progress);
      },
    }).finally(() => reporter.stop());
    await reporting;
    // An atom that is cut off by the slave's stop runs again elsewhere; after the early end of its build, nothing else is left of it.
    const runsElsewhere = interrupt.signal.aborted && interrupt.signal.reason === this.#stop.signal.reason;
    const ended = new Set(outcome.verdicts.map(({ id }) => id));
    const folders = outcome.folders.filter(({ atom }) => !runsElsewhere || ended.has(atom));
    if (cancel.signal.aborted || folders.length === 0) {
      return null;
    }
    // The next subjob runs while this one is packed, unless packing does not keep up.
    if (this.#packing < this.executors.total) {
      executor.release();
    }
    this.#packing += 1;
    const { limits } = assignment;
    const withSetup = withSetupOutput(folders, context.takeSetupOutput());
    const archive = await packResults(withSetup, outbox.archivePath(lease), { limits }).finally(() => {
      this.#packing -= 1;
    });
    return { outcome, archive };
  }

  #noteProgress({ lease, atoms, expected_seconds }: RunAssignment, { id, state }: AtomProgress): void {
    if (state === 'COMPLETED') {
      this.#prefetcher.noteEnded(lease.lease_id);
    } else if (id === atoms[0]?.id) {
      this.#prefetcher.begin(lease.lease_id, atoms.length, expected_seconds);
    }
  }

  /** Returns the lease: another slave may succeed. */
  async #couldNotRun(assignment: Assignment, error: unknown, signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    if (error instanceof ClusterRunnerError) {
      log.warn({ build: assignment.build_id }, error.message);
    } else {
      log.error(
        { err: error, build: assignment.build_id },
        'An assignment failed because of an internal error of the slave.',
      );
    }
    this.#builds.release(assignment.build_id);
    await this.#leaseReturns.tryReturnLease(assignment, 'could_not_run', messageOf(error), signal);
  }

  /** Ends processes that left the groups of atoms whose lease is over. */
  async #endDetachedProcesses(): Promise<void> {
    // Evaluated when a process is seen: atoms of other builds start while this waits for stubborn processes.
    const isOver = (folder: string) =>
      folder.startsWith(`${this.#options.work}/`) &&
      !this.leases.all().some(({ assignment }) => this.#directoryOf(assignment) === dirname(folder));
    await endDetachedProcesses(ARTIFACT_DIR, isOver, CANCEL_GRACE_MS, this.#options.clock);
  }

  #directoryOf({ lease }: Assignment): string {
    return join(this.#options.work, String(lease.lease_id));
  }
}

/** Whether a preparation failed for a reason that every slave would meet. */
function isProjectError(error: unknown): error is ClusterRunnerError {
  return (
    error instanceof ClusterRunnerError &&
    (error.code === 'PREPARATION_FAILED' || error.code === 'JOB_INVALID')
  );
}
