import { setTimeout as sleep } from 'node:timers/promises';

/** Turns of the event loop that suffice for work of this process alone. */
const EAGER_TURNS = 100;
const POLL_MS = 2;

/** Waits for other parts of this process or for the kernel; mocha's timeout limits the wait. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; !(await condition()); turn += 1) {
    // Other processes need the CPU too.
    await (turn < EAGER_TURNS ? new Promise((resolve) => setImmediate(resolve)) : sleep(POLL_MS));
  }
}
