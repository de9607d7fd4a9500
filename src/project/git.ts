import type { Clock } from '../lib/clock.js';
import { type ProgramResult, runProgram } from '../process/run-program.js';

/** Runs git in a folder. Rejects with the signal's reason when it was aborted. */
export type Git = (cwd: string, ...args: string[]) => Promise<ProgramResult>;

/** Longer than the first fetch of a large repository takes; a bound all the same. */
const TIMEOUT_MS = 60 * 60_000;
const MAX_OUTPUT_BYTES = 64 * 1024;

export function createGit(env: Record<string, string>, signal: AbortSignal, clock: Clock): Git {
  return async (cwd, ...args) => {
    const result = await runProgram({
      file: 'git',
      args,
      cwd,
      env,
      signal,
      clock,
      timeoutMs: TIMEOUT_MS,
      maxOutputBytes: MAX_OUTPUT_BYTES,
    });
    signal.throwIfAborted();
    return result;
  };
}
