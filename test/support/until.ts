import { setTimeout as sleep } from 'node:timers/promises';

/** Turns of the event loop that are enough for what this process does by itself. */
const EAGER_TURNS = 100;
const POLL_MS = 2;

/** Waits for what other parts of this process or the kernel do; mocha's limit ends a wait in vain. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; !(await condition()); turn += 1) {
    // Whoever is waited for needs the processor too.
    await (turn < EAGER_TURNS ? new Promise((resolve) => setImmediate(resolve)) : sleep(POLL_MS));
  }
}
