import { closeSync, mkdtempSync, openSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { ConsolePipe } from './console-pipe.js';

/** How many pipes one mkfifo process creates: starting it costs more than they do. */
const BATCH_SIZE = 8;
/** How many pipes may be held by processes that outlived their command; then the oldest is closed. */
const MAX_HELD = 64;

/** Also tests whether other processes can open descriptors of this one by /proc; this process has the folder open. */
const MAKE = 'mkfifo -m 600 "$@" && cd "$FOLDER" && { test "$DESCRIPTOR" -ef . && echo reachable; :; }';

/**
 * A pool of named pipes for the output of commands; they are reused, since creating one costs a process. On Linux they are
 * unlinked, so that nobody can remove or replace them: writers open them through this process's descriptor in /proc.
 */
export class ConsolePipes {
  readonly #folder: string;
  readonly #folders: readonly string[];
  readonly #free: ConsolePipe[] = [];
  readonly #held = new Set<ConsolePipe>();
  /** Folders of pipes that keep their names. */
  readonly #named: string[] = [];
  #names = 0;
  #creating: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** Pipes are created in `folder`, which other users must not be able to access. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#folders = [folder, tmpdir()];
  }

  /** @throws ClusterRunnerError UNAVAILABLE when no pipe can be created */
  async acquire(): Promise<ConsolePipe> {
    for (;;) {
      const pipe = this.#free.pop();
      if (pipe !== undefined) {
        return pipe;
      }
      await this.#inTurn(() => this.#create());
    }
  }

  /**
   * Calls `use` with another path of the pipe, which exists meanwhile only: a writer that opens it later reaches no command
   * that has the pipe by then. @throws Error of the file system
   */
  async withOwnPath<T>(pipe: ConsolePipe, use: (path: string) => Promise<T>): Promise<T> {
    this.#names += 1;
    const path = join(this.#folder, `console-${process.pid}-${this.#names}`);
    symlinkSync(pipe.path, path);
    try {
      return await use(path);
    } finally {
      unlinkSync(path);
    }
  }

  /** To be called when the command has ended. The output of processes that outlived it is discarded. */
  release(pipe: ConsolePipe): void {
    if (pipe.finish() && !this.#isClosed) {
      this.#free.push(pipe);
    } else if (this.#isClosed) {
      pipe.close();
    } else {
      this.discard(pipe);
    }
  }

  /** Like release, for a pipe that a process still has open: see ConsolePipe.finish. */
  discard(pipe: ConsolePipe): void {
    this.#held.add(pipe);
    for (const oldest of this.#held) {
      if (this.#held.size <= MAX_HELD) {
        break;
      }
      this.#closeHeld(oldest);
    }
    if (this.#held.has(pipe)) {
      // When this process has no descriptor left to read with, the pipe is closed: writers get SIGPIPE.
      void pipe.drain().then(
        () => this.#closeHeld(pipe),
        () => this.#closeHeld(pipe),
      );
    }
  }

  /** Pipes in use are closed when they are released. */
  close(): void {
    this.#isClosed = true;
    for (const pipe of this.#free.splice(0)) {
      pipe.close();
    }
    for (const pipe of [...this.#held]) {
      this.#closeHeld(pipe);
    }
    for (const folder of this.#named.splice(0)) {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  #closeHeld(pipe: ConsolePipe): void {
    if (this.#held.delete(pipe)) {
      pipe.close();
    }
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#creating.then(async () => {
      if (this.#free.length === 0) {
        await work();
      }
    });
    this.#creating = done.catch(() => undefined);
    await done;
  }

  async #create(): Promise<void> {
    const problems: string[] = [];
    for (const parent of this.#folders) {
      try {
        await this.#createIn(mkdtempSync(join(parent, 'consoles-')));
        return;
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error));
      }
    }
    throw new ClusterRunnerError(
      'UNAVAILABLE',
      `No pipe could be created for the output of commands; is mkfifo installed, and may this slave open more files? ${problems.join('; ')}`,
    );
  }

  /** @throws Error of the file system */
  async #createIn(folder: string): Promise<void> {
    const files = Array.from({ length: BATCH_SIZE }, (_, index) => join(folder, String(index)));
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
