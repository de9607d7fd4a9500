import type { Readable } from 'node:stream';
import { sleepUnlessAborted } from '../lib/async/sleep-unless-aborted.js';
import type { Clock } from '../lib/clock.js';
import { Tail } from './console/tail.js';
import { spawnProgram } from './spawn.js';
import { supervise } from './supervise.js';

export interface ProgramOptions {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment; `file` is searched in its PATH. */
  readonly env: Record<string, string>;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Default: no limit. */
  readonly timeoutMs?: number;
  /** How many bytes of the ends of stdout and of stderr are kept. */
  readonly maxOutputBytes: number;
}

export interface ProgramResult {
  readonly exitCode: number;
  readonly ended: 'exited' | 'canceled' | 'timedOut';
  readonly stdout: string;
  readonly stderr: string;
}

const GRACE_MS = 5000;

/**
 * Runs a program without a shell, in its own process group. Resolves when no process of the group is left.
 * @throws ClusterRunnerError PREPARATION_FAILED when it cannot be started (not installed, folder missing)
 */
export async function runProgram(run: ProgramOptions): Promise<ProgramResult> {
  if (run.signal.aborted) {
    return { exitCode: 128 + 15, ended: 'canceled', stdout: '', stderr: '' };
  }
  const leader = await spawnProgram(run, { cwd: run.cwd, env: run.env, stdout: 'pipe', stderr: 'pipe' });
  const stdout = collect(leader.stdout, run.maxOutputBytes);
  const stderr = collect(leader.stderr, run.maxOutputBytes);
  const done = new AbortController();
  const timedOut = new AbortController();
  const timer =
    run.timeoutMs === undefined ? null : abortAfter(timedOut, run.timeoutMs, run.clock, done.signal);
  try {
    const { exitCode, canceled } = await supervise(leader, {
      signal: AbortSignal.any([run.signal, timedOut.signal]),
      graceMs: GRACE_MS,
      clock: run.clock,
    });
    const ended = !canceled ? 'exited' : run.signal.aborted ? 'canceled' : 'timedOut';
    return { exitCode, ended, stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    done.abort();
    await timer;
  }
}

function collect(stream: Readable | null, maxBytes: number): Tail {
  const tail = new Tail(maxBytes);
  stream?.on('data', (chunk: Buffer) => tail.write(chunk));
  return tail;
}

async function abortAfter(
  timedOut: AbortController,
  ms: number,
  clock: Clock,
  done: AbortSignal,
): Promise<void> {
  if (await sleepUnlessAborted(clock, ms, done)) {
    timedOut.abort();
  }
}
