import { freeDiskBytes } from '../../lib/fs/free-space.js';
import type { Logger } from '../../lib/logger.js';
import { textStart } from '../../lib/text/text-ends.js';
import type { WorkRequest } from '../../protocol/slave/slave-messages.js';

/** With less than this a checkout, or the next result, would probably fail for want of room. */
const LEAST_FREE_BYTES = 512 * 1024 ** 2;

type Capacity = Pick<
  WorkRequest,
  'free_executors' | 'ahead' | 'leases' | 'builds' | 'free_disk_bytes' | 'num_unremovable' | 'paused'
>;

/** A slave whose disk is full says so and takes no work: every atom would fail there, and none by its own fault. */
export function applyDiskPressure(capacity: Capacity, free: number | null, directory: string): Capacity {
  if (free === null) {
    return capacity;
  }
  if (free >= LEAST_FREE_BYTES) {
    return { ...capacity, free_disk_bytes: free };
  }
  const paused = `Only ${Math.floor(free / 1024 ** 2)} MiB are free in ${directory}; make room there, at least ${LEAST_FREE_BYTES / 1024 ** 2} MiB.`;
  return { ...capacity, free_executors: 0, ahead: 0, free_disk_bytes: free, paused: textStart(paused, 1000) };
}

/** Adds to the capacity of a slave what it owes to its disk, and logs when that changes. */
export class DiskWatch {
  readonly #directory: string;
  readonly #log: Logger;
  #isPaused = false;

  readonly #makeRoom: () => void;

  /** @param makeRoom called when there is too little, to remove what can be done without */
  constructor(directory: string, log: Logger, makeRoom: () => void) {
    this.#directory = directory;
    this.#log = log;
    this.#makeRoom = makeRoom;
  }

  applyTo(capacity: Capacity): Capacity {
    const heeded = applyDiskPressure(capacity, freeDiskBytes(this.#directory), this.#directory);
    const isPaused = heeded.paused !== undefined;
    if (isPaused && !this.#isPaused) {
      this.#makeRoom();
      this.#log.warn(`This slave takes no work: ${heeded.paused}`);
    } else if (!isPaused && this.#isPaused) {
      this.#log.info('There is room on the disk again; this slave takes work.');
    }
    this.#isPaused = isPaused;
    return heeded;
  }
}
