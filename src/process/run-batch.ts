import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable, Writable } from 'node:stream';
import { execa } from 'execa';
import type { Clock } from '../lib/clock.js';
import { TimeLimit } from '../lib/time-limit.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import { type BatchItem, batchScript, parseBatchWord } from './batch-script.js';
import { endGroup } from './process-group.js';
import { prepareToWatch, unwatchGroup, watchGroup } from './watchdog.js';

export interface BatchOptions {
  /** Shell text, run once for each item. */
  readonly command: string;
  readonly items: readonly BatchItem[];
  readonly cwd: string;
  /** The whole environment, but for what items add. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the script is written; it is not removed. */
  readonly script: string;
  /** Aborting it ends the item that runs and all that it started; no other begins. */
  readonly signal: AbortSignal;
  /** An item that runs for longer is ended with all that it started, and the next begins; null: any time. */
  readonly limitSeconds: number | null;
  /** Between TERM and KILL: of what is canceled, and of what takes too long. */
  readonly graceMs: number;
  readonly limitGraceMs: number;
  readonly clock: Clock;
  onBegin(index: number): void;
  /** `exitCode` is 128 + n when signal n ended it; it says nothing of an item that took too long. */
  onEnd(index: number, exitCode: number, seconds: number, tookTooLong: boolean): void;
}

let possible: Promise<boolean> | null = null;

/** Whether this machine has a bash that `runBatch` can use: version 5 or later. Asked once. */
export function canRunBatches(): Promise<boolean> {
  possible ??= (async () => {
    const { exitCode, stdout } = await execa('bash', ['-c', 'echo $BASH_VERSINFO'], { reject: false });
    return exitCode === 0 && Number(stdout) >= 5;
  })();
  return possible;
}

/** How long what an item left in the background has between TERM and KILL. */
const LEFTOVER_GRACE_MS = 1000;

/**
 * Runs a command for many items, one after another, each in a process group of its own; see batch-script. Resolves
 * when nothing of any item lives: with 'completed' when all have ended, with 'canceled' when `signal` came before.
 * @throws ClusterRunnerError UNAVAILABLE when the shell that runs them ends by itself
 */
export async function runBatch(options: BatchOptions): Promise<'completed' | 'canceled'> {
  const { signal, clock, graceMs } = options;
  await writeFile(options.script, batchScript(options.command, options.items), { mode: 0o600 });
  if (signal.aborted) {
    return 'canceled';
  }
  prepareToWatch();
  const shell = execa('bash', [options.script], {
    cwd: options.cwd,
    env: { ...options.env },
    extendEnv: false,
    detached: true,
    cleanup: false,
    buffer: false,
    reject: false,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const [, , , said, answer] = shell.stdio;
  if (!(said instanceof Readable) || !(answer instanceof Writable)) {
    throw new ClusterRunnerError(
      'UNAVAILABLE',
      'A shell could not be started; is bash installed on this slave?',
    );
  }
  const { pid } = shell;
  if (pid !== undefined) {
    watchGroup(pid);
    // One that is gone already is known by the end of what it says.
    answer.on('error', () => undefined);
    answer.write('\n');
  }
  const exited = once(shell, 'exit');
  // It never begins another item once it is gone; what it has begun is known by the end of what it says.
  const stop = () => shell.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  let leader: number | null = null;
  let time: ItemTime | null = null;
  let ended = 0;
  try {
    for await (const line of createInterface({ input: said })) {
      const word = parseBatchWord(line);
      switch (word.kind) {
        case 'begins':
          options.onBegin(word.index);
          break;
        case 'leader':
          leader = word.pid;
          watchGroup(leader);
          time = new ItemTime(leader, options, stop);
          break;
        case 'leaves others':
          await time?.end();
          if (leader !== null && !signal.aborted && time?.tookTooLong !== true) {
            await endGroup(leader, Math.min(LEFTOVER_GRACE_MS, graceMs), clock);
          }
          answer.write('\n');
          break;
        case 'ended':
          await time?.end();
          if (leader !== null) {
            unwatchGroup(leader);
          }
          leader = null;
          ended += 1;
          if (!signal.aborted) {
            options.onEnd(word.index, word.exitCode, word.seconds, time?.tookTooLong ?? false);
          }
          time = null;
          break;
      }
    }
    await exited;
    await time?.end();
  } finally {
    signal.removeEventListener('abort', stop);
    time?.stop();
    shell.kill('SIGKILL');
    if (leader !== null) {
      await endGroup(leader, graceMs, clock);
      unwatchGroup(leader);
    }
    if (pid !== undefined) {
      unwatchGroup(pid);
    }
    answer.destroy();
  }
  if (signal.aborted) {
    return 'canceled';
  }
  if (ended === options.items.length) {
    return 'completed';
  }
  throw new ClusterRunnerError(
    'UNAVAILABLE',
    `The shell that ran the atoms ended after ${ended} of ${options.items.length}; was it killed on this slave?`,
  );
}

/** The time that one item has: when it is over its group is ended, which the shell then says. */
class ItemTime {
  readonly #limit: TimeLimit | null;
  #ending: Promise<void> = Promise.resolve();

  /** `failed` is called when the group cannot be ended: the shell would wait for it for ever. */
  constructor(
    leader: number,
    { clock, limitSeconds, limitGraceMs, signal }: BatchOptions,
    failed: () => void,
  ) {
    this.#limit = limitSeconds === null ? null : new TimeLimit(clock, limitSeconds, signal);
    this.#limit?.signal.addEventListener('abort', () => {
      if (this.tookTooLong) {
        this.#ending = endGroup(leader, limitGraceMs, clock);
        this.#ending.catch(failed);
      }
    });
  }

  get tookTooLong(): boolean {
    return this.#limit?.isOver ?? false;
  }

  /** Nothing waits for the item any more. */
  stop(): void {
    this.#limit?.end();
  }

  /** The item has ended. Resolves when its group is gone, if it was this that ended it. @throws see endGroup */
  async end(): Promise<void> {
    this.stop();
    await this.#ending;
  }
}
