import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE_MS } from './wait.js';

/** Turns of the event loop that suffice for work of this process alone. */
const EAGER_TURNS = 100;
const POLL_MS = 2;

/**
 * Waits for other parts of this process or for the kernel.
 * @throws Error after 90 seconds, since a wait without an end would go on behind the tests that follow
 */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const started = performance.now();
  for (let turn = 0; !(await condition()); turn += 1) {
    if (performance.now() - started > PATIENCE_MS) {
      throw new Error(`Waited ${PATIENCE_MS / 1000} s in vain until ${condition}.`);
    }
    // Other processes need the CPU too.
    await (turn < EAGER_TURNS ? new Promise((resolve) => setImmediate(resolve)) : sleep(POLL_MS));
  }
}
