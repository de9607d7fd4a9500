import { stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { type Readable, Writable } from 'node:stream';
import { execa } from 'execa';
import { deferred } from '../lib/deferred.js';
import { ClusterRunnerError, messageOf } from '../protocol/errors.js';
import type { ProgramCall } from './shell.js';
import { prepareToWatch, watchGroup } from './watchdog.js';

/** A number is a file descriptor that is open here; the child gets its own copy. */
export type Sink = number | 'pipe';

export interface Leader {
  /** Also the id of the process group that it leads. */
  readonly pid: number;
  /** Its exit code, or 128 + n when signal n ended it. Known when the kernel has let go of the process. */
  readonly exited: Promise<number>;
  /** Null unless the sink was a pipe. Whoever has pipes must read them, or the child stands still. */
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
}

/**
 * Starts a program as the leader of its own process group and session: signals reach all that it starts, and it
 * has no terminal to ask questions on. `env` is its whole environment, its stdin is /dev/null. With `isTold` it gets a
 * line on descriptor 3 as soon as the watchdog knows of it; see whenTold.
 * @throws ClusterRunnerError PREPARATION_FAILED when it cannot be started
 */
export async function startLeader(
  call: ProgramCall,
  options: { cwd: string; env: Record<string, string>; stdout: Sink; stderr: Sink; isTold?: boolean },
): Promise<Leader> {
  // What execa could do beside starting (collecting output, killing, cleaning up at exit) is switched off: it
  // costs time for each process, and ending the group needs more care than it gives.
  prepareToWatch();
  const child = execa(call.file, call.args, {
    cwd: options.cwd,
    env: options.env,
    extendEnv: false,
    detached: true,
    cleanup: false,
    buffer: false,
    reject: false,
    stripFinalNewline: false,
    stdio: [
      'ignore',
      sink(options.stdout),
      sink(options.stderr),
      options.isTold === true ? 'pipe' : 'ignore',
    ],
  });
  const { pid } = child;
  if (pid === undefined) {
    const { cause } = await child;
    throw await cannotStart(call.file, options.cwd, cause);
  }
  watchGroup(pid);
  const word = child.stdio[3];
  if (word instanceof Writable) {
    // One that ended before it was told has an exit code that says so.
    word.on('error', () => undefined);
    word.end('\n');
  }
  const exited = deferred<number>();
  child.once('exit', (code, signal) =>
    exited.resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)),
  );
  return { pid, exited: exited.promise, stdout: child.stdout, stderr: child.stderr };
}

/** execa takes every descriptor, but its types name only those up to 9. */
function sink(descriptor: Sink): 'pipe' | 3 {
  return descriptor as 'pipe' | 3;
}

async function cannotStart(file: string, cwd: string, cause: unknown): Promise<ClusterRunnerError> {
  return new ClusterRunnerError('PREPARATION_FAILED', await reason(file, cwd, cause), { cause });
}

async function reason(file: string, cwd: string, cause: unknown): Promise<string> {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
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
    return error instanceof Error && 'code' in error && error.code === 'ENOENT'
      ? 'the folder does not exist'
      : messageOf(error);
  }
}
