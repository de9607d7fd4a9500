/**
 * What several leases of a build wait for (its workspace, its setup) goes on for the others when one is over.
 * @throws the signal's reason as soon as it is aborted; what `shared` rejects with
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
    // Nobody may be left to hear of a failure.
    shared.catch(() => undefined);
  }
}
