import { signal } from '@preact/signals';
import { pauseWhileAway } from './away-pauses.js';

/** Whether the master responds to this browser, as far as the last exchange shows. */
export type MasterStatus = 'here' | 'away' | 'signed-out';

export const masterStatus = signal<MasterStatus>('here');

let awaySince: number | null = null;
let triedAt = 0;
masterStatus.subscribe((status) => {
  awaySince = status === 'away' ? (awaySince ?? performance.now()) : null;
});

/** Whether the master should be asked, which counts as having been done: one that has long been away is asked seldom. */
export function mayAsk(): boolean {
  const now = performance.now();
  if (awaySince !== null && now - triedAt < pauseWhileAway(now - awaySince)) {
    return false;
  }
  triedAt = now;
  return true;
}
