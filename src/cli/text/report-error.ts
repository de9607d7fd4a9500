import { CommanderError } from 'commander';
import { stripControlChars } from '../../lib/text/strip-control-chars.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { exitCode } from '../exit-codes.js';
import { systemErrorMessage } from '../system-errors.js';

export interface ReportedError {
  readonly exitCode: number;
  /** null for exit code 0. */
  readonly message: string | null;
}

/** Prints the error that a command has failed with on stderr, unless it is printed already. */
export function reportError(error: unknown): ReportedError {
  if (error instanceof CommanderError) {
    // commander has printed its message, or the requested help.
    return error.exitCode === 0
      ? { exitCode: exitCode.success, message: null }
      : { exitCode: exitCode.couldNotRun, message: error.message.replace(/^error: /, '') };
  }
  const refusal = error instanceof ClusterRunnerError ? error.message : systemErrorMessage(error);
  if (refusal !== null) {
    process.stderr.write(`clusterrunner: ${stripControlChars(refusal)}\n`);
    return { exitCode: exitCode.couldNotRun, message: refusal };
  }
  const message = 'this is a bug in ClusterRunner, please report it.';
  const stack = error instanceof Error ? error.stack : String(error);
  process.stderr.write(`clusterrunner: ${message}\n${stripControlChars(String(stack))}\n`);
  return { exitCode: exitCode.couldNotRun, message: `${message} ${String(error)}` };
}
