const SECONDS_OF: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** The seconds of a duration in a job: a number of seconds, or text like `90s`, `10m`, `2h`. */
export function durationSeconds(duration: number | string): number {
  if (typeof duration === 'number') {
    return duration;
  }
  const seconds = Number(duration.slice(0, -1)) * (SECONDS_OF[duration.slice(-1)] ?? Number.NaN);
  if (!Number.isFinite(seconds)) {
    throw new Error(`"${duration}" is not a duration, although it was validated.`);
  }
  return seconds;
}
