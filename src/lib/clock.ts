/** The only source of time for code that decides by it; tests pass one that they move by hand. */
export interface Clock {
  /** Milliseconds since the epoch. It may be set while the program runs, so its differences must not decide anything. */
  now(): number;
  /** Milliseconds of a monotonic clock, which stands still while the machine is suspended. For durations. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  // As node:timers/promises, without a new error for each aborted sleep.
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
