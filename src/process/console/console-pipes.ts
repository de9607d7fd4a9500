import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { ConsolePipe } from './console-pipe.js';

/** Made by one process: starting it costs more than they do. */
const MADE_AT_ONCE = 8;
/** Pipes that a process which outlived its command still holds; beyond that the oldest is closed. */
const MAX_HELD = 64;

/** Also says whether other processes reach descriptors of this one by /proc: the folder is open here. */
const MAKE = 'mkfifo -m 600 "$@" && cd "$FOLDER" && { test "$DESCRIPTOR" -ef . && echo reachable; :; }';

/**
 * The pipes that take what commands print. They are used again and again, since making one costs a process. Where
 * the system allows that (Linux), they have no name in any folder, so nobody can remove or replace them: writers open
 * them by the descriptor of this process.
 */
export class ConsolePipes {
  readonly #folders: readonly string[];
  readonly #free: ConsolePipe[] = [];
  readonly #held = new Set<ConsolePipe>();
  /** Of those whose pipes have names. */
  readonly #named: string[] = [];
  #making: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** `folder`: for a moment, or where pipes need names; it must not be in the reach of other users. */
  constructor(folder: string) {
    this.#folders = [folder, tmpdir()];
  }

  /** @throws ClusterRunnerError UNAVAILABLE when none can be made */
  async acquire(): Promise<ConsolePipe> {
    for (;;) {
      const pipe = this.#free.pop();
      if (pipe !== undefined) {
        return pipe;
      }
      await this.#inTurn(() => this.#make());
    }
  }

  /** Takes back one whose command has ended. The output of processes that outlived it goes nowhere. */
  release(pipe: ConsolePipe): void {
    if (pipe.finish() && !this.#isClosed) {
      this.#free.push(pipe);
    } else if (this.#isClosed) {
      pipe.close();
    } else {
      this.discard(pipe);
    }
  }

  /** Like release, of one that a process still holds: see ConsolePipe.finish. */
  discard(pipe: ConsolePipe): void {
    this.#held.add(pipe);
    for (const oldest of this.#held) {
      if (this.#held.size <= MAX_HELD) {
        break;
      }
      this.#makeIdle(oldest);
    }
    if (this.#held.has(pipe)) {
      // Without a descriptor to read on with, closing it is what is left: whoever prints then is told so.
      void pipe.drain().then(
        () => this.#makeIdle(pipe),
        () => this.#makeIdle(pipe),
      );
    }
  }

  /** Those that are in use are closed when they are given back. */
  close(): void {
    this.#isClosed = true;
    for (const pipe of this.#free.splice(0)) {
      pipe.close();
    }
    for (const pipe of [...this.#held]) {
      this.#makeIdle(pipe);
    }
    for (const folder of this.#named.splice(0)) {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  #makeIdle(pipe: ConsolePipe): void {
    if (this.#held.delete(pipe)) {
      pipe.close();
    }
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#making.then(async () => {
      if (this.#free.length === 0) {
        await work();
      }
    });
    this.#making = done.catch(() => undefined);
    await done;
  }

  async #make(): Promise<void> {
    const problems: string[] = [];
    for (const parent of this.#folders) {
      try {
        await this.#makeIn(mkdtempSync(join(parent, 'consoles-')));
        return;
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error));
      }
    }
    throw new ClusterRunnerError(
      'UNAVAILABLE',
      `No pipe could be made for the output of commands; is mkfifo installed, and may this slave open more files? ${problems.join('; ')}`,
    );
  }

  /** @throws the system's error */
  async #makeIn(folder: string): Promise<void> {
    const files = Array.from({ length: MADE_AT_ONCE }, (_, index) => join(folder, String(index)));
    const descriptor = openSync(folder, 'r');
    let needsNames = false;
    try {
      const FOLDER = folder;
      const DESCRIPTOR = `/proc/${process.pid}/fd/${descriptor}`;
      const { stdout } = await execa('sh', ['-c', MAKE, 'sh', ...files], { env: { FOLDER, DESCRIPTOR } });
      const isReachable = stdout === 'reachable';
      for (const file of files) {
        const pathOf = (fd: number) => (isReachable ? `/proc/${process.pid}/fd/${fd}` : file);
        this.#free.push(new ConsolePipe(file, pathOf));
      }
      needsNames = !isReachable;
    } finally {
      closeSync(descriptor);
      if (needsNames) {
        this.#named.push(folder);
      } else {
        rmSync(folder, { recursive: true, force: true });
      }
    }
  }
}
