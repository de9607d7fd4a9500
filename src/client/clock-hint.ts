/** What a minute of tolerance leaves no doubt about. */
const NOTICED_SECONDS = 30;

/**
 * A sentence for whoever was refused, when this machine's clock is far from the one that the answer's `Date` tells;
 * null when it is not. `now` in milliseconds since the epoch.
 */
export function clockHint(date: string | string[] | undefined, now: number): string | null {
  const ahead = Math.round((now - Date.parse(String(date))) / 1000);
  if (Number.isNaN(ahead) || Math.abs(ahead) < NOTICED_SECONDS) {
    return null;
  }
  const where = ahead > 0 ? 'ahead of' : 'behind';
  return `The clock of this machine is ${Math.abs(ahead)} s ${where} the master's.`;
}
