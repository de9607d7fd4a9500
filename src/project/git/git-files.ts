import { readFile, rm, writeFile } from 'node:fs/promises';
import type { Program } from './git.js';
import { gitError } from './git-errors.js';

/** Passes lists of file names between git and this process through a file: as bytes, and in any number. */
export class GitFiles {
  readonly #shell: Program;
  readonly #file: string;

  /**
   * @param shell runs `sh`, with the environment for git
   * @param file a path where nothing exists
   */
  constructor(shell: Program, file: string) {
    this.#shell = shell;
    this.#file = file;
  }

  /** Runs git, and returns the NUL-terminated names of its output. @throws ClusterRunnerError PREPARATION_FAILED */
  async list(folder: string, ...args: string[]): Promise<Buffer[]> {
    try {
      const listed = await this.#shell(folder, '-c', 'exec git "$@" > "$0"', this.#file, ...args);
      if (listed.exitCode !== 0) {
        throw gitError('The files of the checkout cannot be listed', listed);
      }
      return split(await readFile(this.#file));
    } finally {
      await rm(this.#file, { force: true });
    }
  }

  /** Runs git with the names as its input; does nothing without names. @throws ClusterRunnerError */
  async feed(folder: string, names: readonly Buffer[], ...args: string[]): Promise<void> {
    if (names.length === 0) {
      return;
    }
    await this.withList(names, async (file) => {
      const given = await this.#shell(folder, '-c', 'exec git "$@" < "$0"', file, ...args);
      if (given.exitCode !== 0) {
        throw gitError('The copy of the index cannot be changed', given);
      }
    });
  }

  /** Calls `use` with a file of NUL-terminated names. */
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
