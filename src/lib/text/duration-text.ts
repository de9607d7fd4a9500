/* Times and durations as text. Nothing here reads a clock. */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A duration in seconds with two units at most: `12 ms`, `0.4 s`, `12 s`, `3 min 05 s`, `2 h 14 min`, `3 d 4 h`. */
export function durationText(seconds: number): string {
  const milliseconds = Math.round(seconds * 1000);
  if (milliseconds < 100) {
    return milliseconds <= 0 ? '0 s' : `${milliseconds} ms`;
  }
  if (seconds < 9.95) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  if (whole < MINUTE) {
    return `${whole} s`;
  }
  if (whole < HOUR) {
    return `${Math.floor(whole / MINUTE)} min ${padded(whole % MINUTE)} s`;
  }
  if (whole < DAY) {
    return `${Math.floor(whole / HOUR)} h ${padded(Math.floor((whole % HOUR) / MINUTE))} min`;
  }
  return `${Math.floor(whole / DAY)} d ${Math.floor((whole % DAY) / HOUR)} h`;
}

function padded(n: number): string {
  return String(n).padStart(2, '0');
}

/** How long ago a time is, both in seconds since the epoch: `just now`, `5 min ago`, `3 h ago`, `2 d ago`. */
export function agoText(time: number, now: number): string {
  const seconds = now - time;
  if (seconds < 10) {
    return 'just now';
  }
  if (seconds < MINUTE) {
    return `${Math.floor(seconds)} s ago`;
  }
  if (seconds < HOUR) {
    return `${Math.floor(seconds / MINUTE)} min ago`;
  }
  return seconds < 2 * DAY ? `${Math.floor(seconds / HOUR)} h ago` : `${Math.floor(seconds / DAY)} d ago`;
}
