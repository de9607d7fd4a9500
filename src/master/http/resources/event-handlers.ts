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
      // A stream made of the generator would close only when its next batch has come.
      content.once('close', () => end.abort());
      // What goes wrong ends `content`, and whoever sends that is told by it.
      pipeline(serverSentEvents(batches), content, () => end.abort());
      // Proxies that collect an answer before they pass it on would hold events back.
      setHeader('X-Accel-Buffering', 'no');
      setHeader('Cache-Control', 'no-store');
      // When it ends, the master stops or the client is gone: the connection is of no more use.
      setHeader('Connection', 'close');
      return { ready: true, content, bytes: null, fileName: null };
    },
  };
}

/** Made once of a batch that many get. */
const encoded = new WeakMap<readonly Event[], Buffer>();

function bytesOf(batch: readonly Event[]): Buffer {
  const bytes = encoded.get(batch) ?? Buffer.from(batch.map(serverSentEvent).join(''));
  encoded.set(batch, bytes);
  return bytes;
}

/** With its facts beside the names of ClusterRunner 0.x. */
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
