import { sleepUnlessAborted } from '../../lib/async/sleep-unless-aborted.js';
import type { Clock } from '../../lib/clock.js';
import type { LeaseId } from '../../protocol/ids.js';
import { CompletionEstimate } from './completion-estimate.js';

/** Work is requested this long before an executor is expected to need it: longer than most round trips to a master. */
export const PREFETCH_MS = 250;

interface Watched {
  readonly estimate: CompletionEstimate;
  readonly stop: AbortController;
  isTimed: boolean;
}

/** Knows which executors will soon be free, so that work for them can be requested ahead. */
export class Prefetcher {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  readonly #watched = new Map<LeaseId, Watched>();

  /** `onDue` is called when one more executor will be free within PREFETCH_MS. */
  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /**
   * How many executors are expected to be free within PREFETCH_MS. One that is later than expected by more than that does
   * not count: work that is requested ahead for it would be returned again and again.
   */
  get freeSoon(): number {
    const now = this.#clock.monotonic();
    return [...this.#watched.values()].filter(
      ({ estimate: { end } }) => end !== null && Math.abs(end - now) <= PREFETCH_MS,
    ).length;
  }

  /** The first atom of the lease begins; it may begin again by itself after a batch. `expectedSeconds`: see CompletionEstimate. */
  begin(lease: LeaseId, atoms: number, expectedSeconds: number | null): void {
    if (this.#watched.has(lease)) {
      return;
    }
    const estimate = new CompletionEstimate(atoms, expectedSeconds, this.#clock.monotonic());
    const watched = { estimate, stop: new AbortController(), isTimed: false };
    this.#watched.set(lease, watched);
    this.#startTimer(watched);
  }

  noteEnded(lease: LeaseId): void {
    const watched = this.#watched.get(lease);
    if (watched !== undefined) {
      watched.estimate.noteEnded(this.#clock.monotonic());
      this.#startTimer(watched);
    }
  }

  /** The executor of the lease is free. */
  end(lease: LeaseId): void {
    this.#watched.get(lease)?.stop.abort();
    this.#watched.delete(lease);
  }

  #startTimer(watched: Watched): void {
    if (!watched.isTimed && watched.estimate.end !== null) {
      watched.isTimed = true;
      void this.#waitUntilDue(watched);
    }
  }

  /** The estimate may move while it is waited for. */
  async #waitUntilDue({ estimate, stop: { signal } }: Watched): Promise<void> {
    for (;;) {
      const ms = (estimate.end ?? 0) - PREFETCH_MS - this.#clock.monotonic();
      if (ms <= 0) {
        this.#onDue();
        return;
      }
      if (!(await sleepUnlessAborted(this.#clock, ms, signal))) {
        return;
      }
    }
  }
}
