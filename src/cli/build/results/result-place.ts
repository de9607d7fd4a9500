import { isAbsolute, join, resolve } from 'node:path';
import { quoteForShell } from '../../../lib/text/shell-quote.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';

/** The default folder of results, in the current folder. */
export const RESULTS_DIRECTORY = 'build_results';

/** The folder of results of a command. */
export interface ResultPlace {
  /** Absolute. */
  readonly directory: string;
  readonly isUsual: boolean;
  /** For messages, with a slash at the end: `./build_results/`. */
  readonly shown: string;
  /** A path below it as a word for the shell, relative to the current folder of this command. */
  word(...below: readonly string[]): string;
}

/** `output` as given, relative to `cwd`; undefined: the default. @throws ClusterRunnerError USAGE */
export function resultPlace(output: string | undefined, cwd: string): ResultPlace {
  const given = output ?? RESULTS_DIRECTORY;
  if (given === '') {
    throw new ClusterRunnerError('USAGE', '--output needs the name of a folder.');
  }
  const directory = resolve(cwd, given);
  const near = join(given, '.');
  // Programs would take a leading `-` for an option.
  const name = near.startsWith('-') ? directory : near.replace(/(?<=[^/])\/$/, '');
  const isPlain = !isAbsolute(name) && name !== '..' && !name.startsWith('../');
  return {
    directory,
    isUsual: output === undefined,
    shown: `${isPlain ? './' : ''}${name}${name.endsWith('/') ? '' : '/'}`,
    word: (...below) => quoteForShell(join(name, ...below)),
  };
}
