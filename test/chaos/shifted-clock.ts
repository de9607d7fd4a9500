import { existsSync, readFileSync } from 'node:fs';

/*
 * Loaded into a process before its program: its wall clock is off by as many milliseconds as the file says that
 * CHAOS_CLOCK names, at any moment. The monotonic clock and timers go on as they are.
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
