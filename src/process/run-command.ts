import { appendFileSync, closeSync, constants, openSync } from 'node:fs';
import type { Clock } from '../lib/clock.js';
import type { ConsolePipe } from './console-pipe.js';
import type { ConsolePipes } from './console-pipes.js';
import { type Leader, startLeader } from './leader.js';
import { type ProgramCall, shellCall, whenTold } from './shell.js';
import { supervise } from './supervise.js';
import { Tail } from './tail.js';

/**
 * pipe: stdout and stderr go to the pipe, which is the caller's to begin and to give back.
 * tail: the last `maxBytes` of both, in the order printed, are kept in memory. With `stdoutFile` stdout goes to
 * that file instead, which begins empty, and the tail is that of stderr.
 */
export type CommandOutput = { readonly kind: 'pipe'; readonly pipe: ConsolePipe } | TailOutput;

interface TailOutput {
  readonly kind: 'tail';
  readonly maxBytes: number;
  readonly stdoutFile?: string;
  readonly pipes: ConsolePipes;
}

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
  if (output.kind === 'pipe') {
    return await runInto(run, output.pipe, output.pipe);
  }
  return output.stdoutFile === undefined
    ? await withTail(run, output)
    : await withTailAndFile(run, output, output.stdoutFile);
}

/** Of both, unless stdout has a pipe of its own. */
async function withTail(
  run: CommandOptions,
  { pipes, maxBytes }: TailOutput,
  stdout?: ConsolePipe,
): Promise<CommandResult> {
  const tail = new Tail(maxBytes);
  const pipe = await pipes.take();
  try {
    pipe.begin((bytes) => tail.write(Buffer.from(bytes)));
    const result = await runInto(run, stdout ?? pipe, pipe);
    pipe.finish();
    return { ...result, tail: tail.text() };
  } finally {
    pipes.giveBack(pipe);
  }
}

async function withTailAndFile(
  run: CommandOptions,
  output: TailOutput,
  path: string,
): Promise<CommandResult> {
  const file = openSync(path, 'w', 0o600);
  let fault: unknown = null;
  const stdout = await output.pipes.take();
  try {
    stdout.begin((bytes) => {
      try {
        appendFileSync(file, bytes);
      } catch (error) {
        fault ??= error;
      }
    });
    const result = await withTail(run, output, stdout);
    stdout.finish();
    if (fault !== null) {
      throw fault;
    }
    return result;
  } finally {
    output.pipes.giveBack(stdout);
    closeSync(file);
  }
}

async function runInto(
  run: CommandOptions,
  stdout: ConsolePipe,
  stderr: ConsolePipe,
): Promise<CommandResult> {
  const shell = await shellCall(run.command);
  if (run.signal.aborted) {
    return { exitCode: TERMINATED, seconds: 0, ended: 'canceled' };
  }
  const leader = await startInto(whenTold(shell), run, stdout.path, stderr.path);
  const { exitCode, canceled, seconds } = await supervise(leader, run);
  return { exitCode, seconds, ended: canceled ? 'canceled' : 'exited' };
}

async function startInto(
  call: ProgramCall,
  { cwd, env }: CommandOptions,
  stdoutPath: string,
  stderrPath: string,
): Promise<Leader> {
  const stdout = openSync(stdoutPath, constants.O_WRONLY);
  const stderr = openSync(stderrPath, constants.O_WRONLY);
  try {
    return await startLeader(call, { cwd, env, stdout, stderr, isTold: true });
  } finally {
    closeSync(stdout);
    closeSync(stderr);
  }
}
