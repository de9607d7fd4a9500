import { existsSync, readFileSync } from 'node:fs';

/*
 * Loaded into a process before its program. The file that CHAOS_CLOCK names gives, at any moment, the offset of its
 * wall clock in milliseconds. The monotonic clock and timers are unaffected.
 */

const LOOK_EVERY_MS = 50;
const file = process.env.CHAOS_CLOCK;
const real = Date.now.bind(Date);
let offset = 0;

if (file !== undefined) {
  Date.now = () => real() + offset;
  setInterval(() => {
    offset = existsSync(file) ? Number(readFileSync(file, 'utf8')) || 0 : 0;
  }, LOOK_EVERY_MS).unref();
}
