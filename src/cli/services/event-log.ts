import type { LoadedConfig } from '../../config/load.js';
import { type Clock, seconds } from '../../lib/clock.js';
import { messageOf } from '../../protocol/errors.js';
import { classicMembers, type Event } from '../../protocol/event.js';
import { openServiceFile, type ServiceFile } from './service-file.js';

/** Writes the events of a service, one JSON object per line, to a file or stdout. */
export class EventLog {
  readonly #sink: ServiceFile;
  readonly #clock: Clock;
  readonly #ended = new AbortController();
  #following: Promise<void> = Promise.resolve();
  #lastId = 0;

  constructor(sink: ServiceFile, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
  }

  /** Records an event of this process, numbered from 1. */
  record(tag: string, data: Readonly<Record<string, unknown>>): void {
    this.#lastId += 1;
    this.#sink.write(eventLine({ id: this.#lastId, timestamp: seconds(this.#clock.now()), tag, data }));
  }

  /** Records the events that a master commits from now on, with the master's ids. */
  follow(events: (end: AbortSignal) => AsyncIterable<readonly Event[]>): void {
    this.#following = (async () => {
      for await (const batch of events(this.#ended.signal)) {
        for (const event of batch) {
          this.#sink.write(eventLine(event));
        }
      }
    })().catch((error: unknown) => {
      process.stderr.write(`clusterrunner: the event log ends here: ${messageOf(error)}\n`);
    });
  }

  async close(): Promise<void> {
    this.#ended.abort();
    await this.#following;
    await this.#sink.close();
  }
}

/** null where no event log is configured. */
export function openEventLog(config: LoadedConfig, clock: Clock): EventLog | null {
  const name = config.eventlogFilename;
  if (name === null) {
    return null;
  }
  return new EventLog(name.toUpperCase() === 'STDOUT' ? stdout : openServiceFile(config, name), clock);
}

/** The form of ClusterRunner 0.x: the data beside id, tag and time in seconds since the epoch. */
export function eventLine(event: Event): string {
  return `${JSON.stringify({ ...event.data, ...classicMembers(event) })}\n`;
}

const stdout: ServiceFile = {
  write: (line) => void process.stdout.write(line),
  close: async () => undefined,
};
