import { followLive, type LiveMessage, type TabMessage } from './follow-live.js';

/*
 * The shared worker of all tabs of a browser: one event stream for all of them, since HTTP/1.1 allows a browser only six
 * connections to a master.
 */

/** Tabs that were closed without a goodbye stay until as many others came. */
const MAX_PORTS = 100;
const ports = new Set<MessagePort>();
const retries = new EventTarget();
let latest: LiveMessage = { kind: 'status', status: 'here' };
let isOpen = false;

function tell(message: LiveMessage): void {
  if (message.kind === 'status') {
    latest = message;
    isOpen = message.status === 'here';
  }
  for (const port of ports) {
    port.postMessage(message);
  }
}

self.addEventListener('connect', (event) => {
  const [port] = event instanceof MessageEvent ? event.ports : [];
  if (port === undefined) {
    return;
  }
  ports.add(port);
  const [oldest] = ports.size > MAX_PORTS ? ports : [];
  if (oldest !== undefined) {
    ports.delete(oldest);
  }
  port.addEventListener('message', ({ data }: MessageEvent<TabMessage>) => {
    if (data === 'goodbye') {
      ports.delete(port);
    } else {
      retries.dispatchEvent(new Event('retry'));
    }
  });
  port.start();
  port.postMessage(latest);
  if (isOpen) {
    port.postMessage({ kind: 'open' } satisfies LiveMessage);
  }
});

followLive(tell, new AbortController().signal, retries);
