import { join } from 'node:path';
import { masterRelay } from '../../client/master-relay.js';
import {
  buildEnvironment,
  CACHE_HIT,
  commandEnvironment,
  ownEnvironment,
  SETUP_MARK,
} from '../../job/command-environment.js';
import { aliasesOf } from '../../job/project-path.js';
import { shellText } from '../../job/shell-text.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { PathAliases } from '../../lib/text/path-aliases.js';
import type { Redactor } from '../../lib/text/redactor.js';
import type { ConsolePipes } from '../../process/console/console-pipes.js';
import { containment } from '../../process/containment/containment.js';
import { endDetachedProcesses } from '../../process/containment/detached-processes.js';
import { describeSurvivors, type Survivor } from '../../process/containment/family.js';
import { type Leftovers, runCommand, runStartingServices } from '../../process/run-command.js';
import { createItemRunner } from '../../process/series/create-item-runner.js';
import type { ItemRunner } from '../../process/series/item-runner.js';
import type { DependencyCache } from '../../project/dependency-cache.js';
import type { BundleRelay } from '../../project/git/bundle-transfer.js';
import type { RemoteFileLimits } from '../../project/remote-files.js';
import { openWorkspace, type Workspace } from '../../project/workspace/open-workspace.js';
import type { NamedJob } from '../../protocol/build/job.js';
import { dependencyCacheOf } from '../../protocol/build/job-inputs.js';
import type { Project, RemoteFile } from '../../protocol/build/project.js';
import { messageOf } from '../../protocol/errors.js';
import type { BuildId } from '../../protocol/ids.js';
import type { Surroundings } from '../../protocol/slave/optional-reports.js';
import type { Session } from '../link/session.js';
import { lockFolder } from './folder-lock.js';
import { formatSetupOutput } from './setup-output.js';
import { surroundingsDigest } from './surroundings.js';
import { workerOptions } from './worker-options.js';

/** The context that all builds of a slave share. */
export interface SlaveContext {
  /** The name under which the slave is registered. */
  readonly name: string;
  /** The slave's own directory, with mirrors and workspaces. */
  readonly root: string;
  readonly gitStrictHostKeyChecking: boolean;
  /** How many checkouts of ended builds are kept for later builds. */
  readonly workspacesKept: number;
  readonly remoteFileLimits: RemoteFileLimits;
  /** See createItemRunner. */
  readonly reuseShells: boolean;
  readonly dependencies: DependencyCache;
  /** Whether commits are fetched from the master where it has them, and passed on to it, so that one slave asks the origin. */
  readonly getProjectFromMaster: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** See commandEnvironment. */
  readonly envPassthrough: readonly string[];
  readonly redactor: Redactor;
  readonly pipes: ConsolePipes;
  readonly session: Session;
  readonly random: () => number;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface BuildFiles {
  readonly project: Project;
  readonly remote_files: readonly RemoteFile[];
}

/** null: the setup has succeeded. Otherwise the end of what `setup_build` printed. */
export type SetupFailure = string | null;

/** Between TERM and KILL of something that is canceled: somebody waits for its end. */
export const CANCEL_GRACE_MS = 1_000;
/** Between TERM and KILL of something that took too long: it may print why. */
export const TIMEOUT_GRACE_MS = 5_000;
/** How much of the output of setup and teardown is kept. */
const TAIL_BYTES = 16 * 1024;
/** Long enough for a restart of the master; after that the commit is fetched from its origin. */
const RELAY_PATIENCE_MS = 30_000;
/** The build waits for this, and can do without it. */
const SHARE_PATIENCE_MS = 5_000;
/** A hanging teardown must not keep the slave from its next build. */
const TEARDOWN_MS = 5 * 60_000;

/**
 * One build on this slave. Its workspace is opened once, its setup runs once before the first atom, and its teardown once
 * at the end if the setup has ever started.
 */
export class BuildContext {
  readonly id: BuildId;
  /** The part of the slave's environment that the commands of the project may see. */
  readonly inherited: Readonly<Record<string, string>>;
  readonly pipes: ConsolePipes;
  /** The name of the slave. */
  readonly slave: string;
  readonly #files: BuildFiles;
  readonly #context: SlaveContext;
  readonly #canceled = new AbortController();
  #workspace: Promise<Workspace> | null = null;
  #setup: Promise<SetupFailure> | null = null;
  #surroundings: Promise<string> | null = null;
  /** Gives the setup's output, until it has been delivered. */
  #setupOutput: (() => string) | null = null;
  #job: NamedJob | null = null;
  #atomRunner: Promise<ItemRunner> | null = null;
  /** Background processes that the setup has left running. */
  #services: Leftovers | null = null;
  /** Whether the setup's processes carry SETUP_MARK in their environment. */
  #hasMark = false;

  constructor(id: BuildId, files: BuildFiles, context: SlaveContext) {
    this.id = id;
    this.#files = files;
    this.#context = context;
    this.pipes = context.pipes;
    this.slave = context.name;
    this.inherited = commandEnvironment(context.env, context.envPassthrough);
  }

  /** The first call fetches the project. @throws ClusterRunnerError PREPARATION_FAILED */
  workspace(): Promise<Workspace> {
    const {
      root,
      gitStrictHostKeyChecking,
      workspacesKept,
      remoteFileLimits,
      clock,
      random,
      getProjectFromMaster,
      log,
    } = this.#context;
    const { project } = this.#files;
    this.#workspace ??= openWorkspace({
      project,
      remoteFiles: this.#files.remote_files,
      buildId: this.id,
      root,
      gitStrictHostKeyChecking,
      workspacesKept,
      remoteFileLimits,
      random,
      env: ownEnvironment(this.#context.env),
      relay: getProjectFromMaster || project.type === 'snapshot' ? this.#relay() : null,
      warn: (message) => log.warn({ build: this.id }, message),
      signal: this.#canceled.signal,
      clock,
    });
    return this.#workspace;
  }

  /** Hides the path of a checkout that the slave has made: it means nothing on other machines. */
  async pathAliases(): Promise<PathAliases> {
    const { projectDirectory, checkout } = await this.workspace();
    return new PathAliases(checkout === null ? [] : aliasesOf(projectDirectory, checkout));
  }

  /** Passes the commit on to the master, for the other slaves. Never rejects: they can also fetch it from its origin. */
  async share(): Promise<void> {
    if (!this.#context.getProjectFromMaster) {
      return;
    }
    try {
      const workspace = await this.workspace();
      await workspace.share(this.#relay(SHARE_PATIENCE_MS));
    } catch (error) {
      if (!this.#canceled.signal.aborted) {
        const why = messageOf(error);
        this.#context.log.warn({ build: this.id }, `Other slaves must fetch the project themselves: ${why}`);
      }
    }
  }

  /** The first call runs the setup of the job. @throws ClusterRunnerError PREPARATION_FAILED */
  ready(job: NamedJob): Promise<SetupFailure> {
    this.#job = job;
    this.#setup ??= this.#runSetup(job);
    return this.#setup;
  }

  /** The setup's output for the results: once, then null. null too without a setup. */
  takeSetupOutput(): string | null {
    const text = this.#setupOutput;
    this.#setupOutput = null;
    return text?.() ?? null;
  }

  /** The environment of the build's commands, without the variables of an atom. */
  environment(projectDirectory: string): Record<string, string> {
    return {
      ...this.inherited,
      ...buildEnvironment({ projectDirectory, buildId: this.id }),
    };
  }

  /**
   * The first call looks them up, so it comes before `ready`: its setup may change what the commands print.
   * @throws ClusterRunnerError PREPARATION_FAILED
   */
  surroundings(named: Surroundings): Promise<string> {
    this.#surroundings ??= this.#lookUp(named);
    return this.#surroundings;
  }

  async #lookUp(named: Surroundings): Promise<string> {
    const { projectDirectory } = await this.workspace();
    return surroundingsDigest(named, {
      projectDirectory,
      env: this.environment(projectDirectory),
      paths: await this.pathAliases(),
      slave: this.slave,
      pipes: this.pipes,
      signal: this.#canceled.signal,
      clock: this.#context.clock,
    });
  }

  /** Runs the atoms of its subjobs; ends with the build. */
  atomRunner(job: NamedJob, projectDirectory: string): Promise<ItemRunner> {
    const { clock, reuseShells, redactor, log } = this.#context;
    this.#atomRunner ??= createItemRunner({
      command: shellText(job.definition.commands),
      cwd: projectDirectory,
      env: this.inherited,
      pipes: this.pipes,
      clock,
      reusesShells: reuseShells,
      worker: workerOptions(job.definition, {
        facts: { projectDirectory, buildId: this.id },
        inherited: this.inherited,
        warn: (message) => log.warn({ build: this.id }, redactor.inEnd(message)),
      }),
    });
    return this.#atomRunner;
  }

  /** Ends a running fetch or setup: nobody waits for it any more. */
  cancel(): void {
    this.#canceled.abort(new Error(`Build ${this.id} does not need this slave any more.`));
  }

  /** To be called when no lease of the build runs: ends services, runs the teardown, releases the workspace. */
  async release(): Promise<void> {
    this.cancel();
    await (await this.#atomRunner)?.end();
    if (this.#workspace === null) {
      return;
    }
    const workspace = await this.#workspace.catch(() => null);
    if (workspace === null) {
      return;
    }
    await this.#setup?.catch(() => null);
    await this.#runTeardown(workspace);
    await this.#endServices();
    if (this.#hasMark) {
      const isOurs = (mark: string) => mark === this.#mark;
      await endDetachedProcesses(SETUP_MARK, isOurs, CANCEL_GRACE_MS, this.#context.clock);
    }
    await workspace.release();
  }

  #relay(patienceMs = RELAY_PATIENCE_MS): BundleRelay {
    const { session, clock, random } = this.#context;
    const signal = this.#canceled.signal;
    return masterRelay(session.client, { clock, random, signal, patienceMs });
  }

  async #runSetup(job: NamedJob): Promise<SetupFailure> {
    const { projectDirectory } = await this.workspace();
    const command = shellText(job.definition.setup_build ?? []);
    if (command === '') {
      return null;
    }
    const request = {
      project: this.#files.project,
      job,
      projectDirectory,
      signal: this.#canceled.signal,
    };
    return await this.#context.dependencies.around(request, async (isHit) => {
      const failure = await this.#runSetupCommand(command, projectDirectory, {
        ...this.environment(projectDirectory),
        ...(dependencyCacheOf(job.definition) === null ? {} : { [CACHE_HIT]: String(isHit) }),
      });
      return { ok: failure === null, value: failure };
    });
  }

  async #runSetupCommand(
    command: string,
    projectDirectory: string,
    env: Record<string, string>,
  ): Promise<SetupFailure> {
    const { kind } = await containment();
    // Without a warden, processes that leave the session of the setup are found by their environment.
    this.#hasMark = kind === 'session';
    const mark = this.#hasMark ? { [SETUP_MARK]: this.#mark } : {};
    const unlock = await this.#lockFolder(projectDirectory);
    const { result, leftovers } = await runStartingServices({
      command,
      cwd: projectDirectory,
      env: { ...env, ...mark },
      output: { kind: 'tail', maxBytes: TAIL_BYTES, pipes: this.pipes },
      signal: this.#canceled.signal,
      graceMs: CANCEL_GRACE_MS,
      clock: this.#context.clock,
    }).finally(unlock);
    const { exitCode, ended, tail, survivors, seconds: took } = result;
    this.#services = leftovers;
    this.#noteSurvivors('setup_build', survivors);
    if (ended === 'canceled') {
      // Not a failure of the setup.
      this.#canceled.signal.throwIfAborted();
    }
    const paths = await this.pathAliases();
    if (exitCode !== 0) {
      return `setup_build exited with ${exitCode}:\n${paths.inText(tail ?? '')}`;
    }
    // Read later: the last output of a command may arrive after its end.
    this.#setupOutput = () => {
      const output = leftovers?.tail() ?? '';
      return formatSetupOutput({
        slave: this.slave,
        seconds: took,
        output: this.#context.redactor.inEnd(paths.inText(output)),
        isCut: Buffer.byteLength(output) >= TAIL_BYTES,
      });
    };
    return null;
  }

  /** Builds of type directory share the folder, so their setups run one at a time. */
  async #lockFolder(folder: string): Promise<() => Promise<void>> {
    if (this.#files.project.type !== 'directory') {
      return async () => undefined;
    }
    const { clock, log } = this.#context;
    return lockFolder(folder, {
      holder: `process ${process.pid}, build ${this.id}`,
      signal: this.#canceled.signal,
      clock,
      onWait: (holder) =>
        log.info(
          { build: this.id },
          `setup_build waits: another one runs in ${folder} (${holder || 'it is just ending'}).`,
        ),
    });
  }

  async #runTeardown({ projectDirectory }: Workspace): Promise<void> {
    const command = shellText(this.#job?.definition.teardown_build ?? []);
    if (this.#setup === null || command === '') {
      return;
    }
    const { exitCode, ended, tail, survivors } = await runCommand({
      command,
      cwd: projectDirectory,
      env: this.environment(projectDirectory),
      output: { kind: 'tail', maxBytes: TAIL_BYTES, pipes: this.pipes },
      signal: AbortSignal.timeout(TEARDOWN_MS),
      graceMs: TIMEOUT_GRACE_MS,
      clock: this.#context.clock,
    });
    this.#noteSurvivors('teardown_build', survivors);
    if (ended === 'canceled' || exitCode !== 0) {
      const how = ended === 'canceled' ? 'took too long' : `exited with ${exitCode}`;
      const output = this.#context.redactor.inEnd(tail ?? '');
      this.#context.log.warn({ build: this.id, output }, `teardown_build ${how}.`);
    }
  }

  get #mark(): string {
    return join(this.#context.root, 'work', `setup-of-${this.id}`);
  }

  /** To be called after the teardown, which may need the services. */
  async #endServices(): Promise<void> {
    const services = this.#services;
    this.#services = null;
    if (services !== null) {
      this.#noteSurvivors('setup_build', await services.end(TIMEOUT_GRACE_MS));
      const output = this.#context.redactor.inEnd(services.tail());
      if (output !== '') {
        this.#context.log.debug(
          { build: this.id, output },
          'The end of the output of setup_build and its services.',
        );
      }
    }
  }

  #noteSurvivors(section: string, survivors: readonly Survivor[]): void {
    if (survivors.length > 0) {
      this.#context.log.warn({ build: this.id }, `${section}: ${describeSurvivors(survivors)}`);
    }
  }
}
