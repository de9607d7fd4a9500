/** Half of the tolerance for signatures. */
const MIN_SECONDS = 30;

/**
 * A message for a user whose request was refused, when the clock of this machine differs much from the `Date` of the response;
 * null when it does not. `now`: in milliseconds since the epoch.
 */
export function clockHint(date: string | string[] | undefined, now: number): string | null {
  const ahead = Math.round((now - Date.parse(String(date))) / 1000);
  if (Number.isNaN(ahead) || Math.abs(ahead) < MIN_SECONDS) {
    return null;
  }
  const where = ahead > 0 ? 'ahead of' : 'behind';
  return `The clock of this machine is ${Math.abs(ahead)} s ${where} the master's.`;
}
