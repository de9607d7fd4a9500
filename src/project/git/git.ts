import type { Clock } from '../../lib/clock.js';
import { type ProgramResult, runProgram } from '../../process/run-program.js';

/** Runs a program in a folder. Rejects with the signal's reason when it is aborted. */
export type Program = (cwd: string, ...args: string[]) => Promise<ProgramResult>;
export type Git = Program;

/** Longer than the first fetch of a large repository takes. */
const TIMEOUT_MS = 60 * 60_000;
const MAX_OUTPUT_BYTES = 1024 ** 2;

export function createGit(
  env: Record<string, string>,
  signal: AbortSignal,
  clock: Clock,
  timeoutMs = TIMEOUT_MS,
  maxOutputBytes = MAX_OUTPUT_BYTES,
): Git {
  return createProgram('git', env, signal, clock, timeoutMs, maxOutputBytes);
}

/** @param file is searched in the PATH of `env` */
export function createProgram(
  file: string,
  env: Record<string, string>,
  signal: AbortSignal,
  clock: Clock,
  timeoutMs = TIMEOUT_MS,
  maxOutputBytes = MAX_OUTPUT_BYTES,
): Program {
  return async (cwd, ...args) => {
    const result = await runProgram({
      file,
      args,
      cwd,
      env,
      signal,
      clock,
      timeoutMs,
      maxOutputBytes,
    });
    signal.throwIfAborted();
    return result;
  };
}
