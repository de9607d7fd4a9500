import { PassThrough, pipeline } from 'node:stream';
import { ClusterRunnerError } from '../../../protocol/errors.js';
import { classicMembers, type Event } from '../../../protocol/event.js';
import { MAX_PAGE } from '../../../protocol/routes.js';
import type { Handlers } from '../handler.js';
import { piecesOf } from '../limits/unread-bytes.js';
import type { HandlerDependencies } from './dependencies.js';

export function eventHandlers({ reading }: HandlerDependencies): Pick<Handlers, 'eventLog' | 'events'> {
  return {
    eventLog: async ({ query }) => {
      const events = await reading.listEvents({
        id: query.since_id ?? 0,
        timestamp: query.since_timestamp ?? 0,
        limit: query.limit ?? MAX_PAGE,
      });
      return { events: query.format === undefined ? events : events.map(withClassicMembers) };
    },
    events: async ({ query, headers, stopping, setHeader }) => {
      const last = query.since_id ?? lastEventId(headers['last-event-id']);
      const end = new AbortController();
      const batches = reading.followEvents(last, AbortSignal.any([stopping, end.signal]));
      const content = new PassThrough();
      // A stream of the generator itself would close only after its next batch.
      content.once('close', () => end.abort());
      // A failure ends `content`, which passes it on to the response.
      pipeline(serverSentEvents(batches), content, () => end.abort());
      // Proxies that buffer responses would hold events back.
      setHeader('X-Accel-Buffering', 'no');
      setHeader('Cache-Control', 'no-store');
      // When it ends, the master stops or the client is gone, so the connection is not used again.
      setHeader('Connection', 'close');
      return { ready: true, content, bytes: null, fileName: null };
    },
  };
}

/** Encoded once for all readers of a batch. */
const encoded = new WeakMap<readonly Event[], Buffer>();

function bytesOf(batch: readonly Event[]): Buffer {
  const bytes = encoded.get(batch) ?? Buffer.from(batch.map(serverSentEvent).join(''));
  encoded.set(batch, bytes);
  return bytes;
}

/** With its data as members too, and the names of ClusterRunner 0.x. */
function withClassicMembers(event: Event): Event {
  return { ...event.data, ...event, ...classicMembers(event) };
}

function lastEventId(header: string | string[] | undefined): number | null {
  if (header === undefined || header === '') {
    return null;
  }
  if (typeof header !== 'string' || !/^\d{1,15}$/.test(header)) {
    throw new ClusterRunnerError(
      'INVALID_REQUEST',
      'Last-Event-ID must be the id of an event: a whole number.',
    );
  }
  return Number(header);
}

/** The text format of https://html.spec.whatwg.org/multipage/server-sent-events.html; an empty batch is a comment. */
async function* serverSentEvents(batches: AsyncIterable<readonly Event[]>): AsyncGenerator<string | Buffer> {
  yield 'retry: 2000\n\n';
  for await (const batch of batches) {
    if (batch.length === 0) {
      yield ': nothing new\n\n';
    } else {
      yield* piecesOf(bytesOf(batch));
    }
  }
}

function serverSentEvent(event: Event): string {
  return `id: ${event.id}\nevent: ${event.tag}\ndata: ${JSON.stringify(event)}\n\n`;
}
