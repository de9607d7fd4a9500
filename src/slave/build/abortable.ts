/**
 * Waits for a promise that several leases of a build share (its workspace, its setup). Aborting `signal` ends only this
 * wait. @throws the signal's reason as soon as it is aborted; what `shared` rejects with
 */
export async function abortable<T>(shared: Promise<T>, signal: AbortSignal): Promise<T> {
  const left = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: left.signal });
  });
  try {
    signal.throwIfAborted();
    return await Promise.race([shared, aborted]);
  } finally {
    left.abort();
    // Nobody else may be waiting: a later rejection must not be unhandled.
    shared.catch(() => undefined);
  }
}
