import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

/** Long enough for the busiest machine: only failures wait for so long. */
export const PATIENCE_MS = 90_000;
const POLL_MS = 20;

/**
 * Polls `condition` until it returns something other than false, null or undefined, and resolves with that. For
 * effects of other processes that send no notification.
 * @param what completes the sentence "waited in vain until …"
 * @param state printed when the wait fails
 */
export async function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  state: () => unknown = () => '',
  patienceMs = PATIENCE_MS,
): Promise<Exclude<T, false | null | undefined>> {
  const started = performance.now();
  for (;;) {
    const response = await condition();
    if (isThere(response)) {
      return response;
    }
    if (performance.now() - started > patienceMs) {
      throw new Error(`Waited ${patienceMs / 1000} s in vain until ${what}. ${text(state())}`);
    }
    await sleep(POLL_MS);
  }
}

function isThere<T>(response: T): response is Exclude<T, false | null | undefined> {
  return response !== false && response !== null && response !== undefined;
}

function text(state: unknown): string {
  return typeof state === 'string' ? state : inspect(state, { depth: 8 });
}
