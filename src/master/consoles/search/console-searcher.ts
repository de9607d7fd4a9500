import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Semaphore } from '../../../lib/async/semaphore.js';
import { TimeLimit } from '../../../lib/async/time-limit.js';
import type { Clock } from '../../../lib/clock.js';
import type { ConsoleSearch } from '../../../protocol/build/console-search.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';
import type { SearchJob, SearchReply } from './search-job.js';

/** A search responds after so long with what it has, so that the others get their turns. */
const TURN_MS = 500;
/** A thread that has not responded after so long is ended: an expression can take minutes for a single long line. */
const MAX_SECONDS = 10;
/** More searches than a page, a terminal and a few colleagues start. */
const MAX_WAITING = 50;
/** Compiled expressions take memory too. */
const MAX_HEAP_MIB = 128;

/**
 * Searches consoles one after another in a thread of its own, since inflating and searching would keep the master from
 * everything else. The thread starts with the first search.
 */
export class ConsoleSearcher {
  readonly #clock: Clock;
  readonly #turns = new Semaphore(1);
  readonly #closing = new AbortController();
  #waiting = 0;
  #thread: Worker | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param gone aborted when nobody waits for the search any more; one that waits for its turn is dropped then
   * @throws ClusterRunnerError INVALID_REQUEST for an expression that is invalid or takes too long; RESULT_UNREADABLE;
   * UNAVAILABLE when too many searches wait
   */
  async search(job: Omit<SearchJob, 'milliseconds'>, gone: AbortSignal): Promise<ConsoleSearch> {
    if (this.#waiting >= MAX_WAITING) {
      throw new ClusterRunnerError(
        'UNAVAILABLE',
        `${this.#waiting} searches wait already, as many as the master takes; search again later.`,
        { retryAfterSeconds: 5 },
      );
    }
    this.#waiting += 1;
    try {
      return await this.#turns.run(gone, () => this.#run({ ...job, milliseconds: TURN_MS }));
    } finally {
      this.#waiting -= 1;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new ClusterRunnerError('UNAVAILABLE', 'The master is stopping; search again later.'));
    await this.#end();
  }

  async #run(job: SearchJob): Promise<ConsoleSearch> {
    this.#closing.signal.throwIfAborted();
    const reply = await this.#replyTo(job);
    if ('search' in reply) {
      return reply.search;
    }
    const { code, message } = reply.error;
    throw code === null ? new Error(message) : new ClusterRunnerError(code, message);
  }

  async #replyTo(job: SearchJob): Promise<SearchReply> {
    const thread = this.#thread ?? this.#start();
    const limit = new TimeLimit(this.#clock, MAX_SECONDS, this.#closing.signal);
    try {
      const replied = once(thread, 'message', { signal: limit.signal });
      thread.postMessage(job);
      const [reply]: SearchReply[] = await replied;
      if (reply === undefined) {
        throw new Error('The thread that searches consoles sent an empty message.');
      }
      return reply;
    } catch (error) {
      await this.#end();
      this.#closing.signal.throwIfAborted();
      throw limit.isOver || isOutOfMemory(error) ? tooExpensive(job) : error;
    } finally {
      limit.end();
    }
  }

  #start(): Worker {
    const thread = new Worker(new URL('./search-thread.js', import.meta.url), {
      name: 'console search',
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
    });
    // A search that is under way notices an error itself; after one that ends the thread between two, another one starts.
    thread.on('error', () => undefined);
    thread.once('exit', () => {
      this.#thread = this.#thread === thread ? null : this.#thread;
    });
    thread.unref();
    this.#thread = thread;
    return thread;
  }

  async #end(): Promise<void> {
    const thread = this.#thread;
    this.#thread = null;
    await thread?.terminate();
  }
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
}

function tooExpensive({ wanted }: SearchJob): ClusterRunnerError {
  return wanted.isRegex
    ? new ClusterRunnerError(
        'INVALID_REQUEST',
        'The expression takes too long for one line of the console; search for a simpler one, or for plain text.',
      )
    : new ClusterRunnerError(
        'UNAVAILABLE',
        `The console could not be read within ${MAX_SECONDS} seconds; search again later.`,
        { retryAfterSeconds: 5 },
      );
}
