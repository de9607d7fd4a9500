import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { ARTIFACT_DIR, ownEnvironment, SETUP_MARK } from '../job/command-environment.js';
import { deferred } from '../lib/async/deferred.js';
import { waitWithTimeout } from '../lib/async/wait-with-timeout.js';
import type { Clock } from '../lib/clock.js';
import { ensureOwnFolder } from '../lib/fs/own-folder.js';
import type { Logger } from '../lib/logger.js';
import { maskCredentials } from '../lib/text/mask-credentials.js';
import { MIN_MASKED_CHARS, Redactor } from '../lib/text/redactor.js';
import { ConsolePipes } from '../process/console/console-pipes.js';
import { containment, describeContainment } from '../process/containment/containment.js';
import { endDetachedProcesses } from '../process/containment/detached-processes.js';
import { DependencyCache, sweepDependencyCache } from '../project/dependency-cache.js';
import type { RemoteFileLimits } from '../project/remote-files.js';
import { trimIdle } from '../project/workspace/idle-workspaces.js';
import { sweepWorkspaces } from '../project/workspace/sweep-workspaces.js';
import { messageOf } from '../protocol/errors.js';
import type { Secrets } from '../protocol/signing/secrets.js';
import { Outbox } from './archive/outbox.js';
import { CANCEL_GRACE_MS } from './build/build-context.js';
import { DiskWatch } from './disk/disk-watch.js';
import { UnremovableFiles } from './disk/unremovable-files.js';
import { MasterLink } from './link/master-link.js';
import { forgetInstance, readPreviousInstance, saveInstance } from './link/previous-instance.js';
import { Session } from './link/session.js';
import { type StatusServer, serveStatus } from './link/status-api.js';
import { Worker } from './worker.js';

export interface SlaveOptions {
  readonly masterUrl: string;
  readonly secret: string | Secrets;
  /** See MasterClientOptions. */
  readonly ca?: string;
  readonly name: string;
  readonly numExecutors: number;
  /** A directory that no other process uses. Mirrors and undelivered results are kept there for the next start. */
  readonly root: string;
  /** The port of the read-only status API; null: the slave serves none. */
  readonly port: number | null;
  readonly portIsExplicit: boolean;
  /** The address on which the status API listens. */
  readonly address: string;
  readonly gitStrictHostKeyChecking: boolean;
  /** How many checkouts of ended builds are kept for later builds. */
  readonly workspacesKept: number;
  readonly remoteFileLimits: RemoteFileLimits;
  /** See createItemRunner. */
  readonly reuseShells: boolean;
  /** See DependencyCache; 0: nothing is cached. */
  readonly dependencyCacheMaxBytes: number;
  /** Whether commits are fetched from the master where it has them, and passed on to it. */
  readonly getProjectFromMaster: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Names of variables that commands may see besides the basic ones; `*` in a name stands for any text. */
  readonly envPassthrough: readonly string[];
  /** Names of variables whose values are masked in consoles and errors. */
  readonly redact: readonly string[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** Called with the events of this slave, for an event log. */
  readonly onEvent?: (tag: string, data: Readonly<Record<string, unknown>>) => void;
  /** Aborts the first registration; startSlave then rejects with its reason. */
  readonly signal?: AbortSignal;
}

export interface SlaveHandle {
  /** The port of the status API. */
  readonly port: number | null;
  /** Ends what runs and returns its leases, runs teardowns, and says goodbye. */
  stop(): Promise<void>;
  /** Takes no more work, finishes what it has, and then stops; see `done`. */
  finish(): void;
  /** Resolves when the slave has stopped, also after a drain by the master. */
  readonly done: Promise<void>;
}

/** How long a stop waits for the delivery of results; the next start in `root` delivers the others. */
const FLUSH_MS = 5_000;
const GOODBYE_SECONDS = 2;

/**
 * Starts a slave. Resolves when it is registered with the master.
 * @throws ClusterRunnerError PORT_IN_USE; UNAUTHENTICATED when the secrets differ; MASTER_UNREACHABLE
 */
export async function startSlave(options: SlaveOptions): Promise<SlaveHandle> {
  const { clock, random, log } = options;
  // Tries programs of this machine, in parallel with what follows.
  const containing = containment();
  mkdirSync(options.root, { recursive: true, mode: 0o700 });
  // An atom's artifacts are packed only when the path of its folder contains no symbolic link.
  const root = realpathSync(options.root);
  const work = join(root, 'work');
  // An earlier process here may have been killed.
  const isInWork = (folder: string) => folder.startsWith(`${work}/`);
  await Promise.all(
    [ARTIFACT_DIR, SETUP_MARK].map((name) => endDetachedProcesses(name, isInWork, CANCEL_GRACE_MS, clock)),
  );
  const unremovable = new UnremovableFiles(root, clock, random, log);
  await unremovable.retry();
  await unremovable.clear(work);
  await ensureOwnFolder(root, work);
  await sweepWorkspaces(root, clock, options.workspacesKept, (message) => log.warn(message));
  await sweepDependencyCache(root);
  await unremovable.refresh();

  const contained = await containing;
  const delivering = new AbortController();
  const status =
    options.port === null
      ? null
      : await serveStatus({ ...options, port: options.port, explicit: options.portIsExplicit });
  const session = new Session({
    masterUrl: options.masterUrl,
    secret: options.secret,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    name: options.name,
    numExecutors: options.numExecutors,
    url: status === null ? null : `http://${options.name}:${status.port}`,
    clock,
    random,
    log,
  });
  const link = new MasterLink({
    session,
    target: {
      capacity: () => unremovable.applyTo(disk.applyTo(worker.capacity())),
      start: (assignment) => worker.start(assignment),
      cancel: (lease) => worker.cancel(lease),
      interrupt: (lease) => worker.interrupt(lease),
      release: (build) => worker.release(build),
      isIdle: () => worker.isIdle && outbox.size === 0,
      drained: () => void stop(),
    },
    clock,
    random,
    log,
  });
  await ensureOwnFolder(root, join(root, 'outbox'));
  const outbox = new Outbox(join(root, 'outbox'), session, log, delivering.signal, () => link.update());
  const redactor = redactorOf(options);
  const pipes = new ConsolePipes(work);
  const dependencies = new DependencyCache({
    root,
    maxBytes: options.dependencyCacheMaxBytes,
    env: ownEnvironment(options.env),
    clock,
    warn: (message) => log.warn(message),
  });
  const worker = new Worker({
    ...options,
    root,
    dependencies,
    redactor,
    pipes,
    session,
    outbox,
    work,
    unremovable,
    link,
  });
  const disk = new DiskWatch(root, log, () => void freeSpace());
  const freeSpace = () =>
    Promise.all([
      trimIdle(root, { count: 0, clock }, (message) => log.warn(message)),
      dependencies.clear(),
    ]).catch((error: unknown) => {
      log.warn(`Idle workspaces and cached dependencies could not be removed: ${messageOf(error)}`);
    });
  const done = deferred<void>();
  let stopping: Promise<void> | null = null;
  const stop = () => {
    stopping ??= stopSlave({
      root,
      link,
      worker,
      pipes,
      outbox,
      session,
      status,
      delivering,
      clock,
      log,
    }).finally(() => done.resolve());
    return stopping;
  };
  try {
    await session.connect(
      options.signal === undefined ? delivering.signal : AbortSignal.any([delivering.signal, options.signal]),
    );
    log.info(describeContainment(contained));
    outbox.resume();
    const previous = readPreviousInstance(root);
    await saveInstance(root, session.instance).catch((error: unknown) => {
      log.warn(
        `The instance could not be noted in ${root}, so after a restart leases expire slowly: ${messageOf(error)}`,
      );
    });
    if (previous !== null) {
      // This ends the leases of the previous process, so its results must be delivered first.
      void outbox.emptied().then(() => session.reportDead(previous, delivering.signal));
    }
  } catch (error) {
    delivering.abort();
    pipes.close();
    await status?.close();
    await session.client.close();
    throw error;
  }
  status?.show(() => ({
    slave_id: session.slaveId,
    name: options.name,
    master_url: maskCredentials(options.masterUrl),
    is_draining: link.isDraining,
    ...worker.status(),
    containment: contained.kind,
    num_results_waiting: outbox.size,
    unremovable: { folder: unremovable.folder, count: unremovable.count },
  }));
  link.update();
  return { port: status?.port ?? null, stop, finish: () => link.drain(), done: done.promise };
}

function redactorOf({ env, redact, log }: SlaveOptions): Redactor {
  const values = redact.flatMap((name) => {
    const value = env[name] ?? '';
    if ([...value].length < MIN_MASKED_CHARS) {
      log.warn(`The variable ${name} of \`redact\` is not set, or too short to be masked.`);
    }
    return [value];
  });
  return new Redactor(values);
}

async function stopSlave(parts: {
  readonly root: string;
  readonly link: MasterLink;
  readonly worker: Worker;
  readonly pipes: ConsolePipes;
  readonly outbox: Outbox;
  readonly session: Session;
  readonly status: StatusServer | null;
  readonly delivering: AbortController;
  readonly clock: Clock;
  readonly log: Logger;
}): Promise<void> {
  const { root, link, worker, pipes, outbox, session, status, delivering, clock, log } = parts;
  await link.stop();
  await worker.stop();
  pipes.close();
  await waitWithTimeout(clock, FLUSH_MS, outbox.emptied(), delivering.signal);
  delivering.abort(new Error('The slave has stopped.'));
  // While results are undelivered, a goodbye would have their work done again; without it their leases expire.
  if (outbox.size === 0 && session.slaveId !== null) {
    try {
      await session.client.goodbyeSlave(session.slaveId, { timeoutSeconds: GOODBYE_SECONDS });
      // The master knows that this instance has left, so the next one need not report it dead.
      await forgetInstance(root);
    } catch (error) {
      log.info({ err: error }, 'The goodbye did not reach the master; it will notice by itself.');
    }
  }
  await session.client.close();
  await status?.close();
}
