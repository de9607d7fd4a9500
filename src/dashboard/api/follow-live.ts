import type { Event } from '../../protocol/event.js';
import { delayBefore } from './away-pauses.js';
import { EventData } from './event-data.js';
import type { MasterStatus } from './master-status.js';

/** A message about what happens at the master. `open` comes first, and after each gap: everything may have changed. */
export type LiveMessage =
  | { readonly kind: 'open' }
  | { readonly kind: 'event'; readonly event: Event }
  | { readonly kind: 'status'; readonly status: MasterStatus };

/** A message of a tab to the worker: the tab is closed, or the master may respond again. */
export type TabMessage = 'goodbye' | 'retry';

/** The master sends a comment every 15 s when nothing happens. */
const SILENCE_MS = 40_000;

/**
 * Follows the events of the master until `end`, and connects again whenever the stream breaks: after a while, or at an event
 * `retry` of `retries`.
 */
export async function followLive(
  tell: (message: LiveMessage) => void,
  end: AbortSignal,
  retries: EventTarget,
): Promise<void> {
  const progress = { attempt: 0 };
  while (!end.aborted) {
    const status = await readStream((message) => {
      progress.attempt = 0;
      tell(message);
    }, end);
    if (end.aborted) {
      return;
    }
    tell({ kind: 'status', status });
    await waitUnless(delayBefore(progress.attempt, Math.random()), end, retries);
    progress.attempt += 1;
  }
}

/** Reads one stream to its end. @returns the status that its end shows */
async function readStream(tell: (message: LiveMessage) => void, end: AbortSignal): Promise<MasterStatus> {
  const stop = new AbortController();
  const silence = new Timer(SILENCE_MS, () => stop.abort());
  try {
    const response = await fetch('/v1/events', {
      headers: { Accept: 'text/event-stream' },
      signal: AbortSignal.any([end, stop.signal]),
      cache: 'no-store',
    });
    if (!response.ok || response.body === null) {
      return response.status === 401 ? 'signed-out' : 'away';
    }
    tell({ kind: 'status', status: 'here' });
    tell({ kind: 'open' });
    const events = new EventData();
    // Not every browser can iterate over a stream.
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      silence.restart();
      for (const data of events.push(part.value)) {
        tell({ kind: 'event', event: JSON.parse(data) });
      }
    }
    return 'away';
  } catch {
    return 'away';
  } finally {
    silence.stop();
  }
}

class Timer {
  readonly #ms: number;
  readonly #call: () => void;
  #timer: ReturnType<typeof setTimeout>;

  constructor(ms: number, call: () => void) {
    this.#ms = ms;
    this.#call = call;
    this.#timer = setTimeout(call, ms);
  }

  restart(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#call, this.#ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

function waitUnless(ms: number, end: AbortSignal, retries: EventTarget): Promise<void> {
  const over = new AbortController();
  return new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    over.signal.addEventListener('abort', () => clearTimeout(timer));
    end.addEventListener('abort', () => resolve(), { signal: over.signal });
    retries.addEventListener('retry', () => resolve(), { signal: over.signal });
  }).finally(() => over.abort());
}
