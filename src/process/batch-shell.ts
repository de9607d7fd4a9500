import { once } from 'node:events';
import { statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable, Writable } from 'node:stream';
import { execa } from 'execa';
import type { Clock } from '../lib/clock.js';
import { TimeLimit } from '../lib/time-limit.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import { type BatchItem, batchList, batchScript, parseBatchWord } from './batch-script.js';
import type { ConsolePipe, OutputSink } from './console-pipe.js';
import type { ConsolePipes } from './console-pipes.js';
import { endGroup } from './process-group.js';
import { prepareToWatch, unwatchGroup, watchGroup } from './watchdog.js';

export interface BatchShellOptions {
  /** Shell text, run once for each item. */
  readonly command: string;
  readonly cwd: string;
  /** The whole environment, but for what items add. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the pipes come from that take what items print. */
  readonly pipes: ConsolePipes;
  readonly clock: Clock;
}

export interface Batch {
  readonly items: readonly BatchItem[];
  /** File in which the shell finds the list of the items; it is not removed. */
  readonly list: string;
  /** Aborting it ends the item that runs and all that it started; no other begins. */
  readonly signal: AbortSignal;
  /** An item that runs for longer is ended with all that it started, and the next begins; null: any time. */
  readonly limitSeconds: number | null;
  /** Between TERM and KILL: of what is canceled, and of what takes too long. */
  readonly graceMs: number;
  readonly limitGraceMs: number;
  onBegin(index: number): void;
  /** stdout and stderr of an item, in order, between its begin and its end; see OutputSink. */
  onOutput(index: number, bytes: Buffer): void;
  /** `exitCode` is 128 + n when signal n ended it; it says nothing of an item that took too long. */
  onEnd(index: number, exitCode: number, seconds: number, tookTooLong: boolean): void;
}

let possible: Promise<boolean> | null = null;

/** Whether this machine has a bash that batches can use: version 5 or later. Asked once. */
export function canRunBatches(): Promise<boolean> {
  possible ??= (async () => {
    const { exitCode, stdout } = await execa('bash', ['-c', 'echo $BASH_VERSINFO'], { reject: false });
    return exitCode === 0 && Number(stdout) >= 5;
  })();
  return possible;
}

/** How long what an item left in the background has between TERM and KILL. */
const LEFTOVER_GRACE_MS = 1000;
/** So many items may begin before this process has read what the first of them has printed. */
const PIPES_AHEAD = 4;

/**
 * A shell that runs a command for many items, one after another, each in a process group of its own, and then waits for
 * the next batch; see batch-script. It is started by the first batch, and again by the one after a batch in which
 * it ended. Starting any process out of Node takes tens of milliseconds where its memory is large.
 */
export class BatchShell {
  readonly #options: BatchShellOptions;
  #shell: StartedShell | null = null;

  constructor(options: BatchShellOptions) {
    this.#options = options;
  }

  /**
   * Must not be called again before it has settled. Resolves when nothing of any item lives: with 'completed' when all
   * have ended, with 'canceled' when the batch's signal came before.
   * @throws ClusterRunnerError UNAVAILABLE when the shell ends by itself, or has no room to start a process
   */
  async run(batch: Batch): Promise<'completed' | 'canceled'> {
    await writeFile(batch.list, batchList(batch.items), { mode: 0o600 });
    if (batch.signal.aborted) {
      return 'canceled';
    }
    const shell = this.#usable();
    let isDone = false;
    shell.begin();
    try {
      await shell.supplyPipes();
      isDone = !batch.signal.aborted && (await runIn(shell, batch, this.#options.clock));
    } finally {
      if (!isDone) {
        this.#shell = null;
        await endWithAll(shell, batch.graceMs, this.#options.clock);
      }
      shell.settle();
    }
    return isDone ? 'completed' : 'canceled';
  }

  /** One that was started in the folder that is there now: a project may have put another in its place. */
  #usable(): StartedShell {
    if (this.#shell?.isGone !== false || this.#shell.place !== placeOf(this.#options.cwd)) {
      this.#shell?.end();
      this.#shell = new StartedShell(this.#options);
    }
    return this.#shell;
  }

  /** It is needed no more. Not to be called while a batch runs. */
  end(): void {
    this.#shell?.end();
    this.#shell = null;
  }
}

/** True when all items have ended, false when it was canceled; then the shell is dead. */
async function runIn(shell: StartedShell, batch: Batch, clock: Clock): Promise<boolean> {
  const { signal, items } = batch;
  // It never begins another item once it is gone; what it has begun is known by the end of what it says.
  const stop = () => shell.kill();
  signal.addEventListener('abort', stop, { once: true });
  let leader: number | null = null;
  let time: ItemTime | null = null;
  let ended = 0;
  try {
    shell.tell(batch.list);
    for (let line = await shell.line(); line !== null; line = await shell.line()) {
      const word = parseBatchWord(line);
      if (word.kind === 'done') {
        return ended === items.length && !signal.aborted;
      }
      if (word.kind === 'begins') {
        leader = word.leader;
        time = new ItemTime(leader, batch, clock, stop);
        const index = ended;
        shell.beginItem((bytes) => batch.onOutput(index, bytes));
        batch.onBegin(index);
        continue;
      }
      await time?.end();
      if (leader === null) {
        throw new ClusterRunnerError(
          'UNAVAILABLE',
          'This machine had no room for the process of an atom; raise its limits or use fewer executors.',
        );
      }
      if (word.kind === 'leaves others') {
        if (!signal.aborted && time?.tookTooLong !== true) {
          await endGroup(leader, Math.min(LEFTOVER_GRACE_MS, batch.graceMs), clock);
        }
        shell.tell('');
        continue;
      }
      leader = null;
      shell.endItem();
      if (!signal.aborted) {
        batch.onEnd(ended, word.exitCode, word.seconds, time?.tookTooLong ?? false);
      }
      time = null;
      ended += 1;
    }
    await time?.end();
  } finally {
    signal.removeEventListener('abort', stop);
    time?.stop();
    if (leader !== null) {
      shell.kill();
      await endGroup(leader, batch.graceMs, clock);
    }
    shell.endItem();
  }
  if (signal.aborted) {
    return false;
  }
  throw new ClusterRunnerError(
    'UNAVAILABLE',
    `The shell that ran the atoms ended after ${ended} of ${items.length}; was it killed on this slave?`,
  );
}

/** Ends it, and what it has begun since it was last heard. */
async function endWithAll(shell: StartedShell, graceMs: number, clock: Clock): Promise<void> {
  shell.kill();
  for (let line = await shell.line(); line !== null; line = await shell.line()) {
    const leader = /^p (\d+)$/.exec(line)?.[1];
    if (leader !== undefined) {
      await endGroup(Number(leader), graceMs, clock);
    }
  }
  shell.end();
}

/** Which folder a path leads to; null when it leads to none. */
function placeOf(path: string): string | null {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? null : `${stats.dev}:${stats.ino}`;
}

/**
 * The process, with the two pipes over which it is spoken with. It leads a session, which the watchdog knows, and with it
 * all groups of its items: telling it of each would cost as much as an atom does.
 */
class StartedShell {
  /** Which folder it was started in. */
  readonly place: string | null;
  readonly #kill: () => void;
  readonly #answer: Writable;
  readonly #lines: AsyncIterator<string>;
  readonly #pid: number;
  readonly #pipes: ConsolePipes;
  readonly #pipePaths: Writable;
  /** Those whose paths it was told and that no item is known to use, in the order in which items take them. */
  readonly #ahead: ConsolePipe[] = [];
  /** That of the item that runs. */
  #current: ConsolePipe | null = null;
  #isEnded = false;
  #isGone = false;
  #isBusy = false;

  /** @throws ClusterRunnerError UNAVAILABLE */
  constructor({ command, cwd, env, pipes }: BatchShellOptions) {
    prepareToWatch();
    this.place = placeOf(cwd);
    const shell = execa('bash', ['-c', batchScript(command, env)], {
      cwd,
      env: { ...env },
      extendEnv: false,
      detached: true,
      cleanup: false,
      buffer: false,
      reject: false,
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe', 'ignore', 'pipe'],
    });
    const stdio: readonly unknown[] = shell.stdio;
    const [, , , said, answer, , pipePaths] = stdio;
    const { pid } = shell;
    if (
      !(said instanceof Readable) ||
      !(answer instanceof Writable) ||
      !(pipePaths instanceof Writable) ||
      pid === undefined
    ) {
      throw new ClusterRunnerError(
        'UNAVAILABLE',
        `A shell could not be started in ${cwd}; is the folder there, and bash installed on this slave?`,
      );
    }
    this.#pid = pid;
    this.#kill = () => shell.kill('SIGKILL');
    this.#answer = answer;
    this.#pipes = pipes;
    this.#pipePaths = pipePaths;
    this.#lines = createInterface({ input: said })[Symbol.asyncIterator]();
    // One that is gone already is known by the end of what it says.
    answer.on('error', () => undefined);
    pipePaths.on('error', () => undefined);
    void once(shell, 'exit').then(() => {
      this.#isGone = true;
      this.#unwatchIfOver();
    });
    watchGroup(pid);
    this.tell('');
    this.tell(command);
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** From now on something of its session may live when it is gone. */
  begin(): void {
    this.#isBusy = true;
  }

  /** Nothing of its session lives but itself. */
  settle(): void {
    this.#isBusy = false;
    this.#unwatchIfOver();
  }

  #unwatchIfOver(): void {
    if (this.#isGone && !this.#isBusy) {
      unwatchGroup(this.#pid);
    }
  }

  /** Tells it of pipes for the next items. @throws ClusterRunnerError UNAVAILABLE */
  async supplyPipes(): Promise<void> {
    let paths = '';
    while (this.#ahead.length < PIPES_AHEAD && !this.#isEnded) {
      const pipe = await this.#pipes.take();
      if (this.#isEnded) {
        this.#pipes.giveBack(pipe);
        return;
      }
      this.#ahead.push(pipe);
      paths += `${pipe.path}\0`;
    }
    this.#pipePaths.write(paths);
  }

  /** An item has begun. */
  beginItem(sink: OutputSink): void {
    this.#current = this.#ahead.shift() ?? null;
    this.#current?.begin(sink);
  }

  /** Nothing of the item lives: hands on the last of what it has printed. */
  endItem(): void {
    this.#giveBackCurrent();
    if (this.#ahead.length <= PIPES_AHEAD / 2) {
      // Without a pipe it would wait for ever.
      this.supplyPipes().catch(() => this.kill());
    }
  }

  #giveBackCurrent(): void {
    if (this.#current !== null) {
      this.#pipes.giveBack(this.#current);
      this.#current = null;
    }
  }

  tell(word: string): void {
    this.#answer.write(`${word}\0`);
  }

  /** The next line that it says; null when it, and whatever else could have said something, is gone. */
  async line(): Promise<string | null> {
    const next = await this.#lines.next();
    return next.done === true ? null : next.value;
  }

  kill(): void {
    this.#kill();
  }

  /** Of an idle one this is the end of its input, at which it ends by itself; killing it is as good. */
  end(): void {
    this.#isEnded = true;
    this.kill();
    this.#answer.destroy();
    this.#pipePaths.destroy();
    this.#giveBackCurrent();
    for (const pipe of this.#ahead.splice(0)) {
      this.#pipes.giveBack(pipe);
    }
  }
}

/** The time that one item has: when it is over its group is ended, which the shell then says. */
class ItemTime {
  readonly #limit: TimeLimit | null;
  #ending: Promise<void> = Promise.resolve();

  /** `failed` is called when the group cannot be ended: the shell would wait for it for ever. */
  constructor(
    leader: number,
    { limitSeconds, limitGraceMs, signal }: Batch,
    clock: Clock,
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
