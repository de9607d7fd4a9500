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

/** A number is a file descriptor that is open here; the child gets its own copy. */
export type StdioTarget = number | 'pipe' | 'ignore';

export interface Leader {
  /** Of its family, see endFamily: the warden where there is one, else the command itself. Leads a session. */
  readonly root: number;
  /**
   * How its family is found. With a subreaper `root` is a warden, which is not to be ended: it ends when nobody is left
   * whom it has to find.
   */
  readonly scope: Containment['kind'];
  /** The command itself; null when it could not be started. */
  readonly pid: Promise<number | null>;
  /**
   * Its exit code, or 128 + n when signal n ended it. Known when the kernel has let go of the process.
   * @throws ClusterRunnerError PREPARATION_FAILED when it could not be started
   */
  readonly exited: Promise<number>;
  /** Resolves when `root` is gone. With a warden nothing of the family lives then, unless somebody killed the warden. */
  readonly gone: Promise<void>;
  /** Null unless the sink was a pipe. Whoever has pipes must read them, or the child stands still. */
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Those that were asked for, from descriptor 3 on. */
  readonly pipes: readonly Duplex[];
  /** Lets this process end while `root` lives, which has members that cannot be ended. */
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
  /** Whether it is continued when something stops it. */
  readonly isContinued: boolean;
  /** How many pipes it gets, from descriptor 3 on. */
  readonly pipes: number;
}

/**
 * Starts a command of a project as the leader of its own process group, without a terminal and with /dev/null as its
 * stdin; below a warden where there can be one. It begins when the watchdog knows of it.
 * @throws ClusterRunnerError PREPARATION_FAILED when it cannot be started
 */
export async function spawnCommand(call: ProgramCall, options: SpawnCommandOptions): Promise<Leader> {
  const found = await containment();
  const descriptor = 3 + options.pipes;
  if (found.kind !== 'subreaper') {
    const told = waitForGo(call, descriptor);
    const { child, root } = await start(told, options, options.env, options.pipes + 1);
    const pipes = pipesOf(child, options.pipes + 1);
    tell(pipes.at(-1), '\n');
    return { ...plain(child, root, found.kind), pipes: pipes.slice(0, -1) };
  }
  const { env, settings } = wardenEnvironment(options.env);
  const warden = { file: found.file, args: wardenArguments(found.language, descriptor) };
  const { child, root } = await start(warden, options, env, options.pipes + 1, true);
  const pipes = pipesOf(child, options.pipes + 1);
  const control = pipes.at(-1);
  const { file, args } = call;
  tell(
    control,
    wardenCommand({ file, args, settings, isContinued: options.isContinued, descriptors: options.pipes }),
  );
  const pid = deferred<number | null>();
  const exited = deferred<number>();
  const gone = deferred<void>();
  // Who waits for it hears of it.
  exited.promise.catch(() => undefined);
  if (control === undefined) {
    throw new Error('A warden was started without its pipe.');
  }
  const words = createInterface({ input: control });
  words.on('line', (line) => {
    const word = parseWardenMessage(line);
    if (word.kind === 'started') {
      pid.resolve(word.pid);
    } else if (word.kind === 'ended') {
      exited.resolve(word.exitCode);
    } else {
      const code = getSystemErrorName(-word.errno);
      cannotStart(file, options.cwd, Object.assign(new Error(code), { code })).then(exited.reject);
    }
  });
  words.once('close', () => {
    pid.resolve(null);
    // It was killed, and with it the knowledge of how the command has ended.
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
 * Starts a program that is no command of a project, such as git, as the leader of its own process group and session. Its
 * family is that group.
 * @throws ClusterRunnerError PREPARATION_FAILED when it cannot be started
 */
export async function spawnProgram(call: ProgramCall, options: SpawnOptions): Promise<Leader> {
  const { child, root } = await start(call, options, options.env, 0);
  return plain(child, root, 'group');
}

async function start(
  call: ProgramCall,
  { cwd, stdout, stderr }: SpawnOptions,
  env: Readonly<Record<string, string>>,
  pipes: number,
  isWarden = false,
) {
  // What execa could do beside starting (collecting output, killing, cleaning up at exit) is switched off: it
  // costs time for each process, and ending the family needs more care than it gives.
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
    stdio: ['ignore', sink(stdout), sink(stderr), ...Array.from({ length: pipes }, () => 'pipe' as const)],
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

function plain(child: Child, root: number, scope: Containment['kind']): Leader {
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
      throw new Error(`Descriptor ${3 + index} of a new process is no pipe.`);
    }
    // One whose other end is gone is known by its end, and by the exit code of the process.
    pipe.on('error', () => undefined);
    return pipe;
  });
}

function tell(pipe: Duplex | undefined, text: string): void {
  pipe?.write(text);
}

/** execa takes every descriptor, but its types name only those up to 9. */
function sink(descriptor: StdioTarget): 'pipe' | 3 {
  return descriptor as 'pipe' | 3;
}

async function cannotStart(file: string, cwd: string, cause: unknown): Promise<ClusterRunnerError> {
  return new ClusterRunnerError('PREPARATION_FAILED', await reason(file, cwd, cause), { cause });
}

async function reason(file: string, cwd: string, cause: unknown): Promise<string> {
  const code = errorCode(cause);
  // The kernel's answer is the same for a missing folder and a missing program.
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
      return `${file} could not be started: this machine has no room for another process (${String(code)}); raise its limits or use fewer executors.`;
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
