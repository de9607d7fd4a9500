import type { Event as MasterEvent } from '../../protocol/event.js';
import { followLive, type LiveMessage, type TabMessage } from './follow-live.js';
import { masterStatus } from './master-status.js';

type Listener = (event: MasterEvent | null) => void;

const listeners = new Set<Listener>();
let retry: () => void = () => undefined;

/** Calls `listener` with each event of the master, and with null when any may have been missed. @returns the end of that */
export function onLiveEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function receive(message: LiveMessage): void {
  if (message.kind === 'status') {
    masterStatus.value = message.status;
    return;
  }
  for (const listener of listeners) {
    listener(message.kind === 'event' ? message.event : null);
  }
}

/** Follows the master through the worker that all tabs share; without such workers, only while this tab is visible. */
export function startLiveUpdates(): void {
  const script = document.querySelector<HTMLMetaElement>('meta[name="clusterrunner-live"]')?.content;
  if ('SharedWorker' in window && script !== undefined) {
    const { port } = new SharedWorker(script, { type: 'module', name: 'clusterrunner' });
    port.addEventListener('message', (event: MessageEvent<LiveMessage>) => receive(event.data));
    port.start();
    window.addEventListener('pagehide', ({ persisted }) => {
      if (!persisted) {
        port.postMessage('goodbye' satisfies TabMessage);
      }
    });
    retry = () => port.postMessage('retry' satisfies TabMessage);
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) {
        retry();
      }
    });
  } else {
    followWhileVisible();
  }
}

/** Connects at once if the stream is broken. */
export function retryLiveUpdates(): void {
  retry();
}

function followWhileVisible(): void {
  const retries = new EventTarget();
  retry = () => retries.dispatchEvent(new Event('retry'));
  let end: AbortController | null = null;
  const follow = () => {
    if (document.hidden) {
      end?.abort();
      end = null;
    } else if (end === null) {
      end = new AbortController();
      followLive(receive, end.signal, retries);
    }
  };
  document.addEventListener('visibilitychange', follow);
  follow();
}
