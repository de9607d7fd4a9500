import { signal } from '@preact/signals';
import { masterStatus } from '../../api/master-status.js';

/** Seconds since the epoch, renewed each second while the page is visible and the master is not away. */
export const now = signal(Date.now() / 1000);

export function startTicking(): void {
  const tick = () => {
    if (!document.hidden && masterStatus.peek() !== 'away') {
      now.value = Date.now() / 1000;
    }
  };
  setInterval(tick, 1000);
  document.addEventListener('visibilitychange', tick);
}
