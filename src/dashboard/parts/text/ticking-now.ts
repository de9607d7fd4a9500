import { signal } from '@preact/signals';

/** Seconds since the epoch, renewed each second while the page is visible. */
export const now = signal(Date.now() / 1000);

export function startTicking(): void {
  const tick = () => {
    if (!document.hidden) {
      now.value = Date.now() / 1000;
    }
  };
  setInterval(tick, 1000);
  document.addEventListener('visibilitychange', tick);
}
