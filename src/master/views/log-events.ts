import { sleepUnlessAborted } from '../../lib/async/sleep-unless-aborted.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { messageOf } from '../../protocol/errors.js';
import type { Event } from '../../protocol/event.js';
import { type EventKind, eventKinds } from '../store/events.js';
import type { EventFeed } from './event-feed.js';

type Facts = Readonly<Record<string, unknown>>;

interface Entry {
  readonly level: 'debug' | 'info' | 'warn';
  readonly message: string;
}

const ofSubjob = ({ subjob_id: subjob, slave }: Facts) =>
  subjob === 'preparation'
    ? `the preparation on ${String(slave)}`
    : `subjob ${String(subjob)} on ${String(slave)}`;

const entries: Readonly<Record<EventKind, (facts: Facts) => Entry>> = {
  BUILD_CREATED: () => ({ level: 'info', message: 'A build is accepted.' }),
  BUILD_PREPARED: ({ num_atoms, num_subjobs }) => ({
    level: 'info',
    message: `A build is prepared: ${String(num_atoms)} atoms in ${String(num_subjobs)} subjobs.`,
  }),
  BUILD_STOPPING: ({ reason }) => ({ level: 'info', message: `A build is ended early: ${String(reason)}` }),
  BUILD_ENDED: ({ state, result }) => ({
    level: 'info',
    message: `A build has ended: ${String(state)}, ${String(result)}.`,
  }),
  SUBJOB_LEASED: (facts) => ({ level: 'debug', message: `A lease begins: ${ofSubjob(facts)}.` }),
  SUBJOB_DUPLICATED: (facts) => ({
    level: 'debug',
    message: `A second lease begins beside one ${facts.reason === 'SUSPECT' ? 'of a suspect slave' : 'that takes too long'}: ${ofSubjob(facts)}.`,
  }),
  SUBJOB_DONE: (facts) => ({
    level: 'debug',
    message: `A result is accepted: ${ofSubjob(facts)}, ${String(facts.failed_atoms)} atoms failed.`,
  }),
  SUBJOB_GIVEN_BACK: (facts) => ({ level: 'debug', message: `A lease is given back: ${ofSubjob(facts)}.` }),
  SUBJOB_LOST: (facts) => ({ level: 'warn', message: `A lease is lost with its slave: ${ofSubjob(facts)}.` }),
  SLAVE_CONNECTED: ({ slave }) => ({ level: 'info', message: `The slave ${String(slave)} has joined.` }),
  SLAVE_LEFT: ({ slave }) => ({ level: 'info', message: `The slave ${String(slave)} has left.` }),
  SLAVE_LOST: ({ slave }) => ({
    level: 'warn',
    message: `The slave ${String(slave)} is lost: it was silent for too long.`,
  }),
  // Logged in full where it is decided.
  SLAVE_SICK: ({ slave }) => ({
    level: 'debug',
    message: `The slave ${String(slave)} gets no work for now.`,
  }),
  SLAVE_SUSPECT: ({ slave }) => ({
    level: 'warn',
    message: `The slave ${String(slave)} is suspect: nothing is heard from it, and others may start its work.`,
  }),
  SLAVE_TRUSTED: ({ slave }) => ({
    level: 'info',
    message: `The slave ${String(slave)} is heard again, and goes on with its work.`,
  }),
};

function isKind(tag: string): tag is EventKind {
  return eventKinds.some((kind) => kind === tag);
}

/** The log entry of an event; null for one that this version does not know. */
export function entryOf({ tag, data }: Pick<Event, 'tag' | 'data'>): Entry | null {
  return isKind(tag) ? entries[tag](data) : null;
}

/** Fields of a log entry, under the names that all entries of the master use. */
function fieldsOf({ id, data }: Event): Facts {
  const { build_id: build, subjob_id: subjob, slave_id, ...facts } = data;
  return {
    event: id,
    ...(build === undefined ? {} : { build }),
    ...(subjob === undefined ? {} : { subjob }),
    ...(slave_id === undefined ? {} : { slave_id }),
    ...facts,
  };
}

/** Events are read in batches this far apart, since the log must not cost a busy master a query for each commit. */
const BATCH_EVERY_MS = 250;

/**
 * Writes what happens from now on until `end` into the log: builds and slaves at `info`, leases and results at `debug`,
 * losses at `warn`, each with its ids as fields. Never rejects.
 */
export async function logEvents(feed: EventFeed, log: Logger, clock: Clock, end: AbortSignal): Promise<void> {
  let last = 0;
  const write = (events: readonly Event[]) => {
    for (const event of events) {
      const entry = entryOf(event);
      if (entry !== null && log.isLevelEnabled(entry.level)) {
        log[entry.level](fieldsOf(event), entry.message);
      }
    }
    last = events.at(-1)?.id ?? last;
  };
  try {
    last = await feed.lastId();
    for await (const events of feed.follow(last, end)) {
      write(events);
      await sleepUnlessAborted(clock, BATCH_EVERY_MS, end);
    }
    write(await feed.after(last));
  } catch (error) {
    log.error({ err: error }, `Events are no longer logged: ${messageOf(error)}`);
  }
}
