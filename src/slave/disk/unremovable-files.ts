import type { Clock } from '../../lib/clock.js';
import { clearPlace, countUnremovable, retryUnremovable, unremovableFolder } from '../../lib/fs/set-aside.js';
import type { Logger } from '../../lib/logger.js';
import { messageOf } from '../../protocol/errors.js';
import type { Capacity } from '../link/master-link.js';

const RETRY_MS = 10 * 60_000;
/** With as many, a slave takes no work until somebody has removed them. */
const MAX_COUNT = 1000;

/** Files that builds have left on this slave and that it cannot remove; see lib/fs/set-aside.ts. */
export class UnremovableFiles {
  readonly #root: string;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #log: Logger;
  #count: number;
  #triedAt: number;
  #retrying: Promise<void> | null = null;

  constructor(root: string, clock: Clock, random: () => number, log: Logger) {
    this.#root = root;
    this.#clock = clock;
    this.#random = random;
    this.#log = log;
    this.#count = countUnremovable(root);
    this.#triedAt = clock.now();
  }

  get folder(): string {
    return unremovableFolder(this.#root);
  }

  /** The number of files and folders; a folder counts as one. */
  get count(): number {
    return this.#count;
  }

  /** Removes a tree, or sets aside the part that cannot be removed, and logs that. Never rejects. */
  async clear(path: string): Promise<void> {
    try {
      const message = await clearPlace(this.#root, path);
      if (message !== null) {
        this.#count = countUnremovable(this.#root);
        this.#log.warn(message);
      }
    } catch (error) {
      this.#log.warn(`${path} could not be removed: ${messageOf(error)}`);
    }
  }

  /** To be called when a build has ended: counts again, and tries to remove them if the last try was long ago. */
  async refresh(): Promise<void> {
    if (this.#clock.now() - this.#triedAt >= RETRY_MS) {
      await this.retry();
    }
    this.#count = countUnremovable(this.#root);
  }

  /** Tries to remove them. Never rejects. */
  async retry(): Promise<void> {
    this.#triedAt = this.#clock.now();
    this.#retrying ??= retryUnremovable(this.#root, this.#random)
      .catch((error: unknown) => {
        this.#log.warn(`The files in ${this.folder} could not be removed: ${messageOf(error)}`);
      })
      .finally(() => {
        this.#retrying = null;
        this.#count = countUnremovable(this.#root);
      });
    await this.#retrying;
  }

  /** Adds the count to the capacity of a slave; with too many it offers no executors. */
  applyTo(capacity: Capacity): Capacity {
    if (this.#count === 0) {
      return capacity;
    }
    const applied = { ...capacity, num_unremovable: this.#count };
    if (this.#count < MAX_COUNT) {
      return applied;
    }
    void this.refresh();
    const paused = `${this.#count} files and folders of ended builds cannot be removed; remove them from ${this.folder}.`;
    return { ...applied, free_executors: 0, ahead: 0, paused: paused.slice(0, 1000) };
  }
}
