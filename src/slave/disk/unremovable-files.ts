import type { Clock } from '../../lib/clock.js';
import { clearPlace, countUnremovable, retryUnremovable, unremovableFolder } from '../../lib/fs/set-aside.js';
import type { Logger } from '../../lib/logger.js';
import { messageOf } from '../../protocol/errors.js';
import type { WorkRequest } from '../../protocol/slave/slave-messages.js';

const RETRY_MS = 10 * 60_000;
/** A slave on which more has gathered takes no work until somebody has looked at it. */
const MOST = 1000;

type Capacity = Pick<WorkRequest, 'free_executors' | 'ahead' | 'num_unremovable' | 'paused'>;

/** What builds have left on this slave that cannot be removed; see lib/set-aside.ts. */
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

  /** Files and folders, each with what is in it. */
  get count(): number {
    return this.#count;
  }

  /** Removes a tree, or moves what stays of it aside, and logs that. Never rejects. */
  async clear(path: string): Promise<void> {
    try {
      const sentence = await clearPlace(this.#root, path);
      if (sentence !== null) {
        this.#count = countUnremovable(this.#root);
        this.#log.warn(sentence);
      }
    } catch (error) {
      this.#log.warn(`${path} could not be removed: ${messageOf(error)}`);
    }
  }

  /** A build has ended here: looks at what there is, and tries again what was tried long ago. */
  async look(): Promise<void> {
    if (this.#clock.now() - this.#triedAt >= RETRY_MS) {
      await this.retry();
    }
    this.#count = countUnremovable(this.#root);
  }

  /** Never rejects. */
  async retry(): Promise<void> {
    this.#triedAt = this.#clock.now();
    this.#retrying ??= retryUnremovable(this.#root, this.#random)
      .catch((error: unknown) => {
        this.#log.warn(`What was set aside in ${this.folder} could not be looked at: ${messageOf(error)}`);
      })
      .finally(() => {
        this.#retrying = null;
        this.#count = countUnremovable(this.#root);
      });
    await this.#retrying;
  }

  /** Adds to the capacity of a slave what the master is to know of this. */
  applyTo<S extends Capacity>(capacity: S): S {
    if (this.#count === 0) {
      return capacity;
    }
    const said = { ...capacity, num_unremovable: this.#count };
    if (this.#count < MOST) {
      return said;
    }
    void this.look();
    const paused = `${this.#count} files and folders of ended builds cannot be removed; they are in ${this.folder}, remove them.`;
    return { ...said, free_executors: 0, ahead: 0, paused: paused.slice(0, 1000) };
  }
}
