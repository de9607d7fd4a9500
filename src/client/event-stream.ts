import { Value } from '@sinclair/typebox/value';
import { createParser } from 'eventsource-parser';
import { ClusterRunnerError, messageOf } from '../protocol/errors.js';
import { type Event, EventSchema } from '../protocol/event.js';
import { routes } from '../protocol/routes.js';
import type { CallOptions } from './call.js';
import type { Connection } from './connection.js';

export interface FollowEventsOptions extends CallOptions {
  /** Starts with the events after this one. Default: only new events. */
  readonly sinceId?: number;
}

/** More than any event needs; an endless one must not fill the memory. */
const MAX_EVENT_CHARS = 1024 * 1024;

/**
 * The events of one connection. Ends when the master ends it.
 * @throws ClusterRunnerError MASTER_UNREACHABLE when the connection breaks; the signal's reason
 */
export async function* eventsOf(connection: Connection, options: FollowEventsOptions): AsyncGenerator<Event> {
  const query = options.sinceId === undefined ? {} : { since_id: options.sinceId };
  const input = { params: {}, query, body: undefined };
  const { stream } = await connection.open(routes.events, input, options, { accept: 'text/event-stream' });
  const arrived: Event[] = [];
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARS,
    onEvent: ({ data }) => arrived.push(eventOf(data)),
    onError: (error) => {
      throw broken(error);
    },
  });
  const decoder = new TextDecoder();
  try {
    for await (const chunk of stream) {
      parser.feed(decoder.decode(chunk, { stream: true }));
      yield* arrived.splice(0);
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error instanceof ClusterRunnerError ? error : broken(error);
  } finally {
    stream.destroy();
  }
}

function eventOf(data: string): Event {
  const event: unknown = Value.Clean(EventSchema, JSON.parse(data));
  if (!Value.Check(EventSchema, event)) {
    throw broken('an event does not have the expected form');
  }
  return event;
}

function broken(reason: unknown): ClusterRunnerError {
  return new ClusterRunnerError(
    'MASTER_UNREACHABLE',
    `The stream of events broke off (${messageOf(reason)}); go on after the last id that came.`,
    { cause: reason },
  );
}
