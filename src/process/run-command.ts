import { closeSync, constants, openSync } from 'node:fs';
import type { Clock } from '../lib/clock.js';
import { startLeader } from './leader.js';
import { shellCall, whenTold } from './shell.js';
import { supervise } from './supervise.js';
import { Tail } from './tail.js';

/**
 * file: stdout and stderr are added to the end of the file `path`, which is made when it is not there; they do
 * not pass through this process.
 * tail: the last `maxBytes` of both, in the order printed, are kept in memory. With `stdoutFile` stdout goes to
 * that file instead, which begins empty, and the tail is that of stderr.
 */
export type CommandOutput =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'tail'; readonly maxBytes: number; readonly stdoutFile?: string };

export interface CommandOptions {
  /** Shell text, run by `bash -o pipefail` where there is a bash, else by `sh`. */
  readonly command: string;
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Record<string, string>;
  readonly output: CommandOutput;
  readonly signal: AbortSignal;
  /** Between TERM and KILL; asked for when it is needed. */
  readonly graceMs: number | (() => number);
  readonly clock: Clock;
}

export interface CommandResult {
  /** 128 + n when signal n ended it. */
  readonly exitCode: number;
  readonly seconds: number;
  /** What was meant, not what the code looks like: a command that is canceled may well exit with 0. */
  readonly ended: 'exited' | 'canceled';
  /** Only with output of kind tail. */
  readonly tail?: string;
}

const TERMINATED = 128 + 15;

/**
 * Runs shell text in its own process group and resolves when nothing of the group lives any more, however it
 * ended; background processes that a command leaves behind are ended with it.
 * @throws ClusterRunnerError PREPARATION_FAILED when it cannot be started (folder missing, no room for it)
 */
export async function runCommand(run: CommandOptions): Promise<CommandResult> {
  const { output } = run;
  const tail = output.kind === 'tail' ? new Tail(output.maxBytes) : null;
  const shell = await shellCall(run.command);
  if (run.signal.aborted) {
    return { exitCode: TERMINATED, seconds: 0, ended: 'canceled', ...(tail && { tail: '' }) };
  }
  const file = openOutput(output);
  const start = async () => {
    try {
      const toOneFile = output.kind === 'file' && file !== null;
      const toOnePipe = output.kind === 'tail' && file === null;
      return await startLeader(whenTold(shell, toOnePipe), {
        cwd: run.cwd,
        env: run.env,
        stdout: file ?? 'pipe',
        stderr: toOneFile ? file : 'pipe',
        isTold: true,
      });
    } finally {
      if (file !== null) {
        closeSync(file);
      }
    }
  };
  const leader = await start();
  if (tail !== null) {
    leader.stdout?.on('data', (chunk: Buffer) => tail.write(chunk));
    leader.stderr?.on('data', (chunk: Buffer) => tail.write(chunk));
  }
  const { exitCode, canceled, seconds } = await supervise(leader, run);
  return {
    exitCode,
    seconds,
    ended: canceled ? 'canceled' : 'exited',
    ...(tail && { tail: tail.text() }),
  };
}

/** Opened while nothing else runs: one call on a local disk is cheaper than a round through the thread pool. */
function openOutput(output: CommandOutput): number | null {
  const { O_WRONLY, O_CREAT, O_APPEND, O_TRUNC } = constants;
  if (output.kind === 'file') {
    return openSync(output.path, O_WRONLY | O_CREAT | O_APPEND);
  }
  if (output.stdoutFile !== undefined) {
    return openSync(output.stdoutFile, O_WRONLY | O_CREAT | O_APPEND | O_TRUNC);
  }
  return null;
}
