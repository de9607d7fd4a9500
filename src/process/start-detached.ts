import { execa } from 'execa';
import { hasCode } from '../lib/error-code.js';
import { messageOf } from '../protocol/errors.js';

/**
 * Starts a program without a shell and without a terminal that goes on after this process, which does not wait for it.
 * @returns a promise of why it was of no use: it cannot be started, or ends with another code than 0; null when it ends
 * with 0
 */
export async function startDetached(file: string, args: readonly string[]): Promise<string | null> {
  const child = execa(file, args, {
    detached: true,
    cleanup: false,
    buffer: false,
    reject: false,
    stdio: 'ignore',
  });
  child.unref();
  const { exitCode, signal, cause } = await child;
  if (hasCode(cause, 'ENOENT')) {
    return `${file} is not installed on this machine, or not in the PATH`;
  }
  if (exitCode === undefined && signal === undefined) {
    return `${file} could not be started: ${messageOf(cause)}`;
  }
  return exitCode === 0 ? null : `${file} ended with ${signal ?? `exit code ${exitCode}`}`;
}
