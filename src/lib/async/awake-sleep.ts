import type { Clock } from '../clock.js';

const SLICE_MS = 1_000;
/** A timer that is later than this was stopped, not just busy. */
const STOPPED_MS = 2_000;

/**
 * Sleeps until this process has been awake for `ms`. Time in which it was stopped, or its machine paused, does not count,
 * since what it watches usually stood still too. Half of a late slice counts, so that it ends even in a process that is
 * always late. @throws as Clock.sleep
 */
export async function awakeSleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  for (let left = ms; left > 0; ) {
    const slice = Math.min(left, SLICE_MS);
    const began = clock.monotonic();
    await clock.sleep(slice, signal);
    const late = clock.monotonic() - began - slice;
    left -= late > STOPPED_MS ? slice / 2 : slice;
    // Slices that are halved again and again would never end.
    left = left < 1 ? 0 : left;
  }
}
