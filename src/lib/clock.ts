/** The only way to the time for code that decides by it; tests pass one that they move by hand. */
export interface Clock {
  /** Milliseconds since the epoch. Somebody may set it while the program runs: nothing is to be decided by its differences. */
  now(): number;
  /** Milliseconds since some moment; it is never set, and stands while the machine is suspended. For all that lasts. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  // What node:timers/promises does, without an error of its own for each sleep that is broken off.
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const broken = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', broken);
        resolve();
      }, ms);
      signal?.addEventListener('abort', broken, { once: true });
    }),
};

/** Seconds since the epoch: the unit of every time that crosses the wire. */
export function seconds(ms: number): number {
  return ms / 1000;
}
