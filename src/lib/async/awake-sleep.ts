import type { Clock } from '../clock.js';

const SLICE_MS = 1_000;
/** A process that is busy is late by less. */
const STOPPED_MS = 2_000;

/**
 * Sleeps until this process has been awake for `ms`: time in which it was stopped, or its machine paused, does not count,
 * for what it watches stood still too, as a rule. Of a slice in which it was held up half is counted, so that it ends
 * also in a process that never gets its turn in time. @throws as Clock.sleep
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
