import { durationText } from './duration-text.js';

/** Typical durations in seconds: `median 1.2 s, 95 % within 3.4 s`; null when none is known. */
export function quantilesText({
  p50_seconds: p50,
  p95_seconds: p95,
}: {
  readonly p50_seconds: number | null;
  readonly p95_seconds: number | null;
}): string | null {
  if (p50 === null) {
    return null;
  }
  const median = `median ${durationText(p50)}`;
  return p95 === null ? median : `${median}, 95 % within ${durationText(p95)}`;
}
