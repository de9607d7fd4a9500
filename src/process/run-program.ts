import type { Readable } from 'node:stream';
import type { Clock } from '../lib/clock.js';
import { Tail } from './console/tail.js';
import { spawnProgram } from './spawn.js';
import { supervise } from './supervise.js';

export interface ProgramOptions {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment; its PATH is where `file` is looked for. */
  readonly env: Record<string, string>;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** No limit unless given. */
  readonly timeoutMs?: number;
  /** Of each of stdout and stderr the last bytes are kept. */
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
 * Runs a program without a shell, in its own process group, and resolves when nothing of the group lives.
 * @throws ClusterRunnerError PREPARATION_FAILED when it cannot be started (not installed, folder missing)
 */
export async function runProgram(run: ProgramOptions): Promise<ProgramResult> {
  if (run.signal.aborted) {
    return { exitCode: 128 + 15, ended: 'canceled', stdout: '', stderr: '' };
  }
  const leader = await spawnProgram(run, { cwd: run.cwd, env: run.env, stdout: 'pipe', stderr: 'pipe' });
  const stdout = collect(leader.stdout, run.maxOutputBytes);
  const stderr = collect(leader.stderr, run.maxOutputBytes);
  const over = new AbortController();
  const late = new AbortController();
  const timer = run.timeoutMs === undefined ? null : abortAfter(late, run.timeoutMs, run.clock, over.signal);
  try {
    const { exitCode, canceled } = await supervise(leader, {
      signal: AbortSignal.any([run.signal, late.signal]),
      graceMs: GRACE_MS,
      clock: run.clock,
    });
    const ended = !canceled ? 'exited' : run.signal.aborted ? 'canceled' : 'timedOut';
    return { exitCode, ended, stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    over.abort();
    await timer;
  }
}

function collect(stream: Readable | null, maxBytes: number): Tail {
  const tail = new Tail(maxBytes);
  stream?.on('data', (chunk: Buffer) => tail.write(chunk));
  return tail;
}

async function abortAfter(late: AbortController, ms: number, clock: Clock, over: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, over);
    late.abort();
  } catch (error) {
    if (!over.aborted) {
      throw error;
    }
  }
}
