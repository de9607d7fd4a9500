import { sleepUnlessAborted } from '../../lib/async/sleep-unless-aborted.js';
import type { Clock } from '../../lib/clock.js';
import type { LeaseId } from '../../protocol/ids.js';
import { CompletionEstimate } from './completion-estimate.js';

/** Work is asked for this long before an executor is expected to need it: longer than most round trips to a master. */
export const PREFETCH_MS = 250;

interface Watched {
  readonly forecast: CompletionEstimate;
  readonly stop: AbortController;
  isTimed: boolean;
}

/** Knows which running subjobs are about to end, and says so when one more is. */
export class Prefetcher {
  readonly #clock: Clock;
  readonly #due: () => void;
  readonly #watched = new Map<LeaseId, Watched>();

  constructor(clock: Clock, due: () => void) {
    this.#clock = clock;
    this.#due = due;
  }

  /**
   * How many executors are expected to be free within PREFETCH_MS. When one that should have ended before has not, nothing
   * is known of it any more: what was asked ahead for it would be given back again and again.
   */
  get soon(): number {
    const now = this.#clock.monotonic();
    return [...this.#watched.values()].filter(
      ({ forecast: { end } }) => end !== null && Math.abs(end - now) <= PREFETCH_MS,
    ).length;
  }

  /** Its first atom begins. */
  begin(lease: LeaseId, atoms: number, expectedSeconds: number | null): void {
    const forecast = new CompletionEstimate(atoms, expectedSeconds, this.#clock.monotonic());
    const watched = { forecast, stop: new AbortController(), isTimed: false };
    this.#watched.set(lease, watched);
    this.#time(watched);
  }

  noteEnded(lease: LeaseId): void {
    const watched = this.#watched.get(lease);
    if (watched !== undefined) {
      watched.forecast.noteEnded(this.#clock.monotonic());
      this.#time(watched);
    }
  }

  /** Its executor is free, or it was canceled. */
  end(lease: LeaseId): void {
    this.#watched.get(lease)?.stop.abort();
    this.#watched.delete(lease);
  }

  #time(watched: Watched): void {
    if (!watched.isTimed && watched.forecast.end !== null) {
      watched.isTimed = true;
      void this.#wait(watched);
    }
  }

  /** Until it is due; it may be put off while it is waited for. */
  async #wait({ forecast, stop: { signal } }: Watched): Promise<void> {
    for (;;) {
      const ms = (forecast.end ?? 0) - PREFETCH_MS - this.#clock.monotonic();
      if (ms <= 0) {
        this.#due();
        return;
      }
      if (!(await sleepUnlessAborted(this.#clock, ms, signal))) {
        return;
      }
    }
  }
}
