import { stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { Duplex, type Readable } from 'node:stream';
import { getSystemErrorName } from 'node:util';
import { execa } from 'execa';
import { deferred } from '../lib/async/deferred.js';
import { errorCode, hasCode } from '../lib/error-code.js';
import { ClusterRunnerError, messageOf } from '../protocol/errors.js';
import { type Containment, containment } from './containment/containment.js';
import {
  parseWardenMessage,
  wardenArguments,
  wardenCommand,
  wardenEnvironment,
} from './containment/warden.js';
import { prepareToWatch, watchFamily } from './containment/watchdog.js';
import { type ProgramCall, waitForGo } from './shell.js';

/** A number is an open file descriptor of this process; the child gets a copy. */
export type StdioTarget = number | 'pipe' | 'ignore';

/** A started command, which leads a process group and a session of its own. */
export interface Leader {
  /** The root of its family, see endFamily: the warden where there is one, otherwise the command. */
  readonly root: number;
  /**
   * How its family is found. With 'subreaper', `root` is a warden, which must not be ended: it exits when no process of the
   * family is left.
   */
  readonly scope: Containment['kind'];
  /** The process id of the command; null when it could not be started. */
  readonly pid: Promise<number | null>;
  /**
   * The exit code of the command, or 128 + n when signal n ended it.
   * @throws ClusterRunnerError PREPARATION_FAILED when it could not be started
   */
  readonly exited: Promise<number>;
  /** Resolves when `root` is gone. With a warden the whole family is gone then, unless somebody killed the warden. */
  readonly gone: Promise<void>;
  /** null unless the target is a pipe. Pipes must be read, or the child blocks. */
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Those that were requested, from descriptor 3 on. */
  readonly pipes: readonly Duplex[];
  /** Lets this process exit although `root` lives, whose family could not be ended. */
  abandon(): void;
}

export interface SpawnOptions {
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdout: StdioTarget;
  readonly stderr: StdioTarget;
}

export interface SpawnCommandOptions extends SpawnOptions {
  /** Whether the command is continued when a signal stops it. */
  readonly isContinued: boolean;
  /** How many pipes the command gets, from descriptor 3 on. */
  readonly pipes: number;
}

/**
 * Starts a command of a project as the leader of its own process group, without a terminal and with /dev/null as stdin; as the
 * child of a warden where this machine can have one. The command begins after the watchdog has been notified.
 * @throws ClusterRunnerError PREPARATION_FAILED when it cannot be started
 */
export async function spawnCommand(call: ProgramCall, options: SpawnCommandOptions): Promise<Leader> {
  const found = await containment();
  const descriptor = 3 + options.pipes;
  if (found.kind !== 'subreaper') {
    const waiting = waitForGo(call, descriptor);
    const { child, root } = await start(waiting, options, options.env, options.pipes + 1);
    const pipes = pipesOf(child, options.pipes + 1);
    pipes.at(-1)?.write('\n');
    return { ...leaderOf(child, root, found.kind), pipes: pipes.slice(0, -1) };
  }
  const { env, settings } = wardenEnvironment(options.env);
  const warden = { file: found.file, args: wardenArguments(found.language, descriptor) };
  const { child, root } = await start(warden, options, env, options.pipes + 1, true);
  const pipes = pipesOf(child, options.pipes + 1);
  const control = pipes.at(-1);
  const { file, args } = call;
  if (control === undefined) {
    throw new Error('A warden was started without its pipe.');
  }
  control.write(
    wardenCommand({ file, args, settings, isContinued: options.isContinued, descriptors: options.pipes }),
  );
  const pid = deferred<number | null>();
  const exited = deferred<number>();
  const gone = deferred<void>();
  // A rejection concerns only those who await it.
  exited.promise.catch(() => undefined);
  const messages = createInterface({ input: control });
  messages.on('line', (line) => {
    const message = parseWardenMessage(line);
    if (message.kind === 'started') {
      pid.resolve(message.pid);
    } else if (message.kind === 'ended') {
      exited.resolve(message.exitCode);
    } else {
      const code = getSystemErrorName(-message.errno);
      cannotStart(file, options.cwd, Object.assign(new Error(code), { code })).then(exited.reject);
    }
  });
  messages.once('close', () => {
    pid.resolve(null);
    // The warden was killed, so the exit code of the command is unknown.
    exited.resolve(128 + constants.signals.SIGKILL);
  });
  child.once('exit', () => gone.resolve());
  return {
    root,
    scope: 'subreaper',
    pid: pid.promise,
    exited: exited.promise,
    gone: gone.promise,
    stdout: child.stdout,
    stderr: child.stderr,
    pipes: pipes.slice(0, -1),
    abandon: () => {
      child.unref();
      control.destroy();
    },
  };
}

/**
 * Starts a program of the slave itself, such as git, as the leader of its own process group and session. Its family is that
 * group.
 * @throws ClusterRunnerError PREPARATION_FAILED when it cannot be started
 */
export async function spawnProgram(call: ProgramCall, options: SpawnOptions): Promise<Leader> {
  const { child, root } = await start(call, options, options.env, 0);
  return leaderOf(child, root, 'group');
}

async function start(
  call: ProgramCall,
  { cwd, stdout, stderr }: SpawnOptions,
  env: Readonly<Record<string, string>>,
  pipes: number,
  isWarden = false,
) {
  // The other features of execa (collecting output, killing, cleanup at exit) are switched off: they cost time for each
  // process, and ending a family takes more.
  prepareToWatch();
  const child = execa(call.file, call.args, {
    cwd,
    env: { ...env },
    extendEnv: false,
    detached: true,
    cleanup: false,
    buffer: false,
    reject: false,
    stripFinalNewline: false,
    stdio: [
      'ignore',
      stdioOf(stdout),
      stdioOf(stderr),
      ...Array.from({ length: pipes }, () => 'pipe' as const),
    ],
  });
  const { pid } = child;
  if (pid === undefined) {
    const { cause } = await child;
    throw await cannotStart(call.file, cwd, cause);
  }
  watchFamily(pid, isWarden);
  return { child, root: pid };
}

type Child = Awaited<ReturnType<typeof start>>['child'];

function leaderOf(child: Child, root: number, scope: Containment['kind']): Leader {
  const exited = deferred<number>();
  child.once('exit', (code, signal) =>
    exited.resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)),
  );
  return {
    root,
    scope,
    pid: Promise.resolve(root),
    exited: exited.promise,
    gone: exited.promise.then(() => undefined),
    stdout: child.stdout,
    stderr: child.stderr,
    pipes: [],
    abandon: () => child.unref(),
  };
}

function pipesOf(child: Child, count: number): Duplex[] {
  return Array.from({ length: count }, (_, index) => {
    const pipe: unknown = child.stdio[3 + index];
    if (!(pipe instanceof Duplex)) {
      throw new Error(`Descriptor ${3 + index} of a new process is not a pipe.`);
    }
    // A closed other end shows by the end of the pipe, and by the exit code of the process.
    pipe.on('error', () => undefined);
    return pipe;
  });
}

/** execa accepts any descriptor, but its types know only those up to 9. */
function stdioOf(descriptor: StdioTarget): 'pipe' | 3 {
  return descriptor as 'pipe' | 3;
}

async function cannotStart(file: string, cwd: string, cause: unknown): Promise<ClusterRunnerError> {
  return new ClusterRunnerError('PREPARATION_FAILED', await reason(file, cwd, cause), { cause });
}

async function reason(file: string, cwd: string, cause: unknown): Promise<string> {
  const code = errorCode(cause);
  // The error code is the same for a missing folder and a missing program.
  const folder = await folderProblem(cwd);
  if (folder !== null) {
    return `No command can run in ${cwd}: ${folder}.`;
  }
  switch (code) {
    case 'ENOENT':
      return `${file} is not installed on this machine, or not in the PATH.`;
    case 'E2BIG':
      return `${file} could not be started: its arguments and environment are longer than this system allows; put long values into a file.`;
    case 'EAGAIN':
    case 'EMFILE':
    case 'ENFILE':
    case 'ENOMEM':
      return `${file} could not be started: this machine cannot run another process (${String(code)}); raise its limits or use fewer executors.`;
    default:
      return `${file} could not be started: ${messageOf(cause)}.`;
  }
}

async function folderProblem(cwd: string): Promise<string | null> {
  try {
    return (await stat(cwd)).isDirectory() ? null : 'it is not a folder';
  } catch (error) {
    return hasCode(error, 'ENOENT') ? 'the folder does not exist' : messageOf(error);
  }
}
