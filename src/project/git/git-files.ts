import { readFile, rm, writeFile } from 'node:fs/promises';
import type { Program } from './git.js';
import { failed } from './git-errors.js';

/** Lists of names that pass between git and this process as bytes, and in any number: by way of a file. */
export class GitFiles {
  readonly #shell: Program;
  readonly #file: string;

  /**
   * @param shell runs `sh`, in the environment that git is to have
   * @param file a path where nothing is
   */
  constructor(shell: Program, file: string) {
    this.#shell = shell;
    this.#file = file;
  }

  /** Runs git, whose output ends each name with NUL. @throws ClusterRunnerError PREPARATION_FAILED */
  async list(folder: string, ...args: string[]): Promise<Buffer[]> {
    try {
      const listed = await this.#shell(folder, '-c', 'exec git "$@" > "$0"', this.#file, ...args);
      if (listed.exitCode !== 0) {
        throw failed('The files of the checkout cannot be listed', listed);
      }
      return split(await readFile(this.#file));
    } finally {
      await rm(this.#file, { force: true });
    }
  }

  /** Runs git, which reads the names from its input; does nothing without names. @throws ClusterRunnerError */
  async give(folder: string, names: readonly Buffer[], ...args: string[]): Promise<void> {
    if (names.length === 0) {
      return;
    }
    await this.withList(names, async (file) => {
      const given = await this.#shell(folder, '-c', 'exec git "$@" < "$0"', file, ...args);
      if (given.exitCode !== 0) {
        throw failed('The copy of the index cannot be changed', given);
      }
    });
  }

  /** Has `use` work with a file in which each name ends with NUL. */
  async withList<T>(names: readonly Buffer[], use: (file: string) => Promise<T>): Promise<T> {
    try {
      await writeFile(this.#file, Buffer.concat(names.flatMap((name) => [name, Buffer.of(0)])));
      return await use(this.#file);
    } finally {
      await rm(this.#file, { force: true });
    }
  }
}

function split(bytes: Buffer): Buffer[] {
  const names: Buffer[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start);
    const stop = end === -1 ? bytes.length : end;
    names.push(bytes.subarray(start, stop));
    start = stop + 1;
  }
  return names;
}
