import { freeDiskBytes } from '../../lib/fs/free-space.js';
import type { Logger } from '../../lib/logger.js';
import { textStart } from '../../lib/text/text-ends.js';
import type { Capacity } from '../link/master-link.js';

/** With less than this, a checkout or the next result would probably not fit. */
const MIN_FREE_BYTES = 512 * 1024 ** 2;

/** A slave whose disk is full offers no executors: every atom would fail there, through no fault of its own. */
export function applyDiskPressure(capacity: Capacity, free: number | null, directory: string): Capacity {
  if (free === null) {
    return capacity;
  }
  if (free >= MIN_FREE_BYTES) {
    return { ...capacity, free_disk_bytes: free };
  }
  const paused = `Only ${Math.floor(free / 1024 ** 2)} MiB are free in ${directory}; free at least ${MIN_FREE_BYTES / 1024 ** 2} MiB there.`;
  return { ...capacity, free_executors: 0, ahead: 0, free_disk_bytes: free, paused: textStart(paused, 1000) };
}

/** Adds the state of the disk to the capacity of a slave, and logs when the slave pauses and continues. */
export class DiskWatch {
  readonly #directory: string;
  readonly #log: Logger;
  readonly #freeSpace: () => void;
  #isPaused = false;

  /** `freeSpace` is called when the disk gets full, to remove what is dispensable. */
  constructor(directory: string, log: Logger, freeSpace: () => void) {
    this.#directory = directory;
    this.#log = log;
    this.#freeSpace = freeSpace;
  }

  applyTo(capacity: Capacity): Capacity {
    const applied = applyDiskPressure(capacity, freeDiskBytes(this.#directory), this.#directory);
    const isPaused = applied.paused !== undefined;
    if (isPaused && !this.#isPaused) {
      this.#freeSpace();
      this.#log.warn(`This slave takes no work: ${applied.paused}`);
    } else if (!isPaused && this.#isPaused) {
      this.#log.info('The disk has free space again; this slave takes work.');
    }
    this.#isPaused = isPaused;
    return applied;
  }
}
