/** Formats seconds since the epoch like 2026-03-01 14:05. Times are local unless a time zone is given. */
export function localMoment(at: number | null | undefined, timeZone: string | undefined): string {
  if (at === null || at === undefined) {
    return '-';
  }
  // Sweden uses ISO 8601.
  const format = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'short', timeZone });
  return format.format(new Date(at * 1000));
}
