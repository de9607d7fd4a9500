import { appendFileSync, closeSync, constants, openSync } from 'node:fs';
import type { Clock } from '../lib/clock.js';
import type { ConsolePipe } from './console/console-pipe.js';
import type { ConsolePipes } from './console/console-pipes.js';
import { Tail } from './console/tail.js';
import type { Survivor } from './containment/family.js';
import { type ProgramCall, shellCall } from './shell.js';
import { type Leader, spawnCommand } from './spawn.js';
import { endLeader, LEFTOVER_GRACE_MS, supervise } from './supervise.js';

/**
 * pipe: stdout and stderr go to the pipe, which the caller begins and releases.
 * tail: the last `maxBytes` of both, in the order printed, are kept in memory. With `stdoutFile`, stdout replaces the content of
 * that file, and the tail is that of stderr.
 */
export type CommandOutput = { readonly kind: 'pipe'; readonly pipe: ConsolePipe } | TailOutput;

interface TailOutput {
  readonly kind: 'tail';
  readonly maxBytes: number;
  readonly stdoutFile?: string;
  readonly pipes: ConsolePipes;
}

export interface CommandOptions {
  /** Shell text; see shellCall. */
  readonly command: string;
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Record<string, string>;
  readonly output: CommandOutput;
  readonly signal: AbortSignal;
  /** Between TERM and KILL; a function is called when it is needed. */
  readonly graceMs: number | (() => number);
  readonly clock: Clock;
}

export interface CommandResult {
  /** 128 + n when signal n ended it. */
  readonly exitCode: number;
  readonly seconds: number;
  /** The exit code does not tell: a command that is canceled may exit with 0. */
  readonly ended: 'exited' | 'canceled';
  /** Only with output of kind tail. */
  readonly tail?: string;
  /** Processes of the command that could not be ended. */
  readonly survivors: readonly Survivor[];
}

/** The background processes that a command has left. */
export interface Leftovers {
  /** Ends them: TERM, after `graceMs` KILL. Resolves with those that could not be ended. */
  end(graceMs: number): Promise<readonly Survivor[]>;
  /** The end of the output of the command and of them; complete when they have ended. */
  tail(): string;
}

const CANCELED_BEFORE: CommandResult = { exitCode: 128 + 15, seconds: 0, ended: 'canceled', survivors: [] };

/**
 * Runs shell text in its own process group. Resolves when all its processes are gone; background processes that it leaves are
 * ended.
 * @throws ClusterRunnerError PREPARATION_FAILED when it cannot be started (the folder is missing, limits are reached)
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

/**
 * Like runCommand, but a command that succeeds may leave background processes: services for later commands. They run, and
 * their output is read, until `leftovers.end` is called. `leftovers` is null when the command has failed.
 */
export async function runStartingServices(
  run: CommandOptions & { readonly output: TailOutput },
): Promise<{ result: CommandResult; leftovers: Leftovers | null }> {
  const { pipes, maxBytes } = run.output;
  const { clock } = run;
  const tail = new Tail(maxBytes);
  const pipe = await pipes.acquire();
  pipe.begin((bytes) => tail.write(Buffer.from(bytes)));
  let isKept = false;
  try {
    const shell = await shellCall(run.command);
    if (run.signal.aborted) {
      return { result: CANCELED_BEFORE, leftovers: null };
    }
    const leader = await startInto(shell, run, pipe.path, pipe.path);
    const { exitCode, canceled, seconds, survivors } = await supervise(leader, {
      ...run,
      leavesOthers: true,
    });
    const ended = canceled ? 'canceled' : 'exited';
    if (canceled || exitCode !== 0) {
      const others = canceled
        ? []
        : await endLeader(leader, { graceMs: LEFTOVER_GRACE_MS, clock, hasExited: true });
      pipe.finish();
      const result = {
        exitCode,
        seconds,
        ended,
        tail: tail.text(),
        survivors: [...survivors, ...others],
      } as const;
      return { result, leftovers: null };
    }
    isKept = true;
    const end = async (graceMs: number) => {
      try {
        return await endLeader(leader, { graceMs, clock, hasExited: true });
      } finally {
        pipe.finish();
        pipes.release(pipe);
      }
    };
    return { result: { exitCode, seconds, ended, survivors }, leftovers: { end, tail: () => tail.text() } };
  } finally {
    if (!isKept) {
      pipes.release(pipe);
    }
  }
}

/** The tail of stderr, and of stdout unless it has a pipe of its own. */
async function withTail(
  run: CommandOptions,
  { pipes, maxBytes }: TailOutput,
  stdout?: ConsolePipe,
): Promise<CommandResult> {
  const tail = new Tail(maxBytes);
  const pipe = await pipes.acquire();
  try {
    pipe.begin((bytes) => tail.write(Buffer.from(bytes)));
    const result = await runInto(run, stdout ?? pipe, pipe);
    pipe.finish();
    return { ...result, tail: tail.text() };
  } finally {
    pipes.release(pipe);
  }
}

async function withTailAndFile(
  run: CommandOptions,
  output: TailOutput,
  path: string,
): Promise<CommandResult> {
  const file = openSync(path, 'w', 0o600);
  let fault: unknown = null;
  const stdout = await output.pipes.acquire();
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
    output.pipes.release(stdout);
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
    return CANCELED_BEFORE;
  }
  const leader = await startInto(shell, run, stdout.path, stderr.path);
  const { exitCode, canceled, seconds, survivors } = await supervise(leader, run);
  return { exitCode, seconds, ended: canceled ? 'canceled' : 'exited', survivors };
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
    return await spawnCommand(call, { cwd, env, stdout, stderr, isContinued: false, pipes: 0 });
  } finally {
    closeSync(stdout);
    closeSync(stderr);
  }
}
