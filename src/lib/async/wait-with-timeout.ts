import type { Clock } from '../clock.js';
import { deferred } from './deferred.js';

/** Never seen; without a shared reason, each abort would create an error with a stack trace. */
const OVER = new Error('Waited for something else.');

/** Resolves when `event` settles, after `ms`, or when `gone` is aborted; leaves neither timer nor listener. */
export async function waitWithTimeout(
  clock: Clock,
  ms: number,
  event: Promise<unknown>,
  gone: AbortSignal,
): Promise<void> {
  if (gone.aborted) {
    return;
  }
  const { promise, resolve } = deferred<void>();
  const done = () => resolve();
  const timer = new AbortController();
  gone.addEventListener('abort', done, { once: true });
  event.then(done, done);
  clock.sleep(ms, timer.signal).then(done, done);
  await promise;
  gone.removeEventListener('abort', done);
  timer.abort(OVER);
}
