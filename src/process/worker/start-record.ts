/** So many failed starts in a row, and no worker is started any more. */
const MOST_FAILURES = 3;

export interface WorkerFailure {
  readonly reason: string;
  /** The end of what the worker has printed. */
  readonly printed: string;
}

/** Counts the failed starts of all workers of a build, so that one that cannot start is not tried again for each atom. */
export class StartRecord {
  #failures = 0;
  #last: WorkerFailure | null = null;

  noteFailure(failure: WorkerFailure): void {
    this.#failures += 1;
    this.#last = failure;
  }

  noteReady(): void {
    this.#failures = 0;
  }

  /** Why no worker is started any more; null while one may be started. */
  get verdict(): WorkerFailure | null {
    return this.#failures < MOST_FAILURES ? null : this.#last;
  }
}
