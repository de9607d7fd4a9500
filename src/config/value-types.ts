import { isAbsolute, join, resolve } from 'node:path';
import { isInPseudoFileSystem } from '../lib/fs/pseudo-file-system.js';
import { Networks } from '../lib/net/networks.js';
import { SafeRegex } from '../lib/text/safe-regex.js';

/** The folders that `~` and relative paths in a value refer to. */
export interface PathContext {
  readonly home: string;
  /** The folder of the file, or the current directory for the command line and the environment. */
  readonly directory: string;
}

/** A type of value, with how its text is parsed and described. */
export interface ValueType<T> {
  /** Completes "… must be". */
  readonly expected: string;
  /** undefined for a text that is not of this type. */
  read(text: string, paths: PathContext): T | undefined;
}

export const textType: ValueType<string> = {
  expected: 'some text',
  read: (given) => (given === '' ? undefined : given),
};

/** Relative paths start at the folder of the file that has the value; `~` is the user's home. */
export const path: ValueType<string> = {
  expected: 'a path',
  read(given, { home, directory }) {
    if (given === '' || given.includes('\0')) {
      return undefined;
    }
    if (given === '~' || given.startsWith('~/')) {
      return join(home, given.slice(1));
    }
    return isAbsolute(given) ? given : resolve(directory, given);
  },
};

/** The same, for a folder that is made where it is missing. */
export const folder: ValueType<string> = {
  expected: 'a path outside of /proc and /sys',
  read(given, paths) {
    const found = path.read(given, paths);
    return found === undefined || isInPseudoFileSystem(resolve(found)) ? undefined : found;
  },
};

/** With the spellings of files of earlier versions. */
const booleans: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['yes', true],
  ['on', true],
  ['1', true],
  ['false', false],
  ['no', false],
  ['off', false],
  ['0', false],
]);

export const trueOrFalse: ValueType<boolean> = {
  expected: 'true or false',
  read: (given) => booleans.get(given.toLowerCase()),
};

export function integerType(minimum: number, maximum: number): ValueType<number> {
  return {
    expected: `a whole number from ${minimum} to ${maximum}`,
    read(given) {
      const value = /^\d{1,9}$/.test(given) ? Number(given) : Number.NaN;
      return value >= minimum && value <= maximum ? value : undefined;
    },
  };
}

export function secondsFrom(minimum: number, maximum: number): ValueType<number> {
  return {
    expected: `a number of seconds from ${minimum} to ${maximum}`,
    read(given) {
      const value = /^\d{1,9}(\.\d{1,9})?$/.test(given) ? Number(given) : Number.NaN;
      return value >= minimum && value <= maximum ? value : undefined;
    },
  };
}

/** One of the words, in any case. `synonyms` maps words of earlier versions to current ones. */
export function oneOfType<const T extends string>(
  words: readonly T[],
  synonyms: Readonly<Record<string, T>> = {},
): ValueType<T> {
  const known = new Map<string, T>([
    ...Object.entries(synonyms),
    ...words.map((word) => [word, word] as const),
  ]);
  return {
    expected: `one of ${words.join(', ')}`,
    read: (given) => known.get(given.toLowerCase()),
  };
}

export const listType: ValueType<readonly string[]> = {
  expected: 'names separated by commas',
  read(given) {
    const names = given.split(',').map((name) => name.trim());
    return names.every((name) => /^\S+$/.test(name)) ? Object.freeze(names) : undefined;
  },
};

export const networks: ValueType<Networks> = {
  expected: 'addresses and networks separated by commas, such as 127.0.0.1, 10.0.0.0/8',
  read: (given) => Networks.read(given.split(',').map((text) => text.trim())),
};

export const regex: ValueType<SafeRegex> = {
  expected: 'a regular expression (of RE2: without lookaround and backreferences)',
  read: (given) => (given === '' ? undefined : (SafeRegex.read(given) ?? undefined)),
};

const MIN_SECRET_LENGTH = 8;

export const secretText: ValueType<string> = {
  expected: `at least ${MIN_SECRET_LENGTH} characters long`,
  read: (given) => ([...given].length < MIN_SECRET_LENGTH ? undefined : given),
};
