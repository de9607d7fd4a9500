import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

/** No test is about it: however busy the machine is, a wait in vain is one for ever. */
const PATIENCE_MS = 90_000;
const POLL_MS = 20;

/**
 * Asks `condition` again and again until it gives something other than false, null or undefined, and resolves with
 * that. For what other processes do, of which nothing tells us.
 * @param what ends the sentence "waited in vain until …"
 * @param state what to print of the world when it was in vain
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
