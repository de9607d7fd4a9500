import { CommanderError } from 'commander';
import { stripControlChars } from '../../lib/text/strip-control-chars.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { exitCode } from '../exit-codes.js';
import { systemErrorMessage } from '../system-errors.js';

export interface Told {
  readonly exitCode: number;
  /** What went wrong, in a sentence; null when nothing did. */
  readonly message: string | null;
}

/** Says on stderr what a command has ended with, unless that was said. */
export function tellError(error: unknown): Told {
  if (error instanceof CommanderError) {
    // commander has printed its sentence (or the help that was asked for).
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
