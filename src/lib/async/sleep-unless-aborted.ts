import type { Clock } from '../clock.js';

/** Sleeps `ms` milliseconds. False when `signal` is aborted meanwhile. @throws other errors of the clock */
export async function sleepUnlessAborted(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(ms, signal);
    return true;
  } catch (error) {
    if (signal.aborted) {
      return false;
    }
    throw error;
  }
}
