import { isAbsolute, join, resolve } from 'node:path';
import { quoteForShell } from '../../../lib/text/shell-quote.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';

/** Where results go unless a command is told otherwise, in the current folder. */
export const RESULTS_DIRECTORY = 'build_results';

/** The folder of results of a command. */
export interface ResultPlace {
  /** Absolute. */
  readonly directory: string;
  readonly isUsual: boolean;
  /** As messages name it, with a slash at the end: `./build_results/`. */
  readonly shown: string;
  /** Something below it as a word in a command of the shell, to be given in the folder that this command was. */
  word(...below: readonly string[]): string;
}

/** `output` as it was given, relative to `cwd`; undefined: the usual place. @throws ClusterRunnerError USAGE */
export function resultPlace(output: string | undefined, cwd: string): ResultPlace {
  const given = output ?? RESULTS_DIRECTORY;
  if (given === '') {
    throw new ClusterRunnerError('USAGE', '--output needs the name of a folder.');
  }
  const directory = resolve(cwd, given);
  const near = join(given, '.');
  // A program would take it for an option.
  const name = near.startsWith('-') ? directory : near.replace(/(?<=[^/])\/$/, '');
  const isPlain = !isAbsolute(name) && name !== '..' && !name.startsWith('../');
  return {
    directory,
    isUsual: output === undefined,
    shown: `${isPlain ? './' : ''}${name}${name.endsWith('/') ? '' : '/'}`,
    word: (...below) => quoteForShell(join(name, ...below)),
  };
}
