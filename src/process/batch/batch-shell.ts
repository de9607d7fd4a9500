import { statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { TimeLimit } from '../../lib/async/time-limit.js';
import type { Clock } from '../../lib/clock.js';
import { sendSignal } from '../../lib/send-signal.js';
import { ClusterRunnerError, messageOf } from '../../protocol/errors.js';
import type { ConsolePipe, OutputSink } from '../console/console-pipe.js';
import type { ConsolePipes } from '../console/console-pipes.js';
import { containment } from '../containment/containment.js';
import { describeSurvivors, endFamily, type Survivor } from '../containment/family.js';
import { processEntry } from '../containment/process-table.js';
import { unwatchFamily } from '../containment/watchdog.js';
import { type Leader, spawnCommand } from '../spawn.js';
import { LEFTOVER_GRACE_MS } from '../supervise.js';
import { batchList, batchScript, parseBatchMessage } from './batch-script.js';
import type { Batch, ItemEnd, ItemRunner, ItemRunnerOptions } from './item-runner.js';

/** Of an item whose shell has ended. */
const KILLED = 128 + 9;
/** So many items may begin before this process has read what the first of them has printed. */
const PIPES_AHEAD = 4;
/** How often a shell may end before any of its items begins; then something is wrong with this machine. */
const MAX_IDLE_ENDS = 3;

/**
 * A shell that runs a command for many items, one after another, each in a process group of its own, and then waits for
 * the next batch; see batch-script. It is started by the first batch, and again when it has ended, because an item, or a
 * machine without memory, may end the shell that runs it. Starting any process out of Node takes tens of milliseconds where its
 * memory is large.
 */
export class BatchShell implements ItemRunner {
  readonly #options: ItemRunnerOptions;
  #shell: StartedShell | null = null;

  constructor(options: ItemRunnerOptions) {
    this.#options = options;
  }

  /**
   * Must not be called again before it has settled. Resolves when nothing of any item lives, but what cannot be ended:
   * with 'completed' when all have ended, with 'canceled' when the batch's signal came before.
   * @throws ClusterRunnerError UNAVAILABLE when no shell goes on living, or has room to start a process
   */
  async run(batch: Batch): Promise<'completed' | 'canceled'> {
    let ended = 0;
    for (let idleEnds = 0; idleEnds < MAX_IDLE_ENDS; ) {
      await writeFile(batch.list, batchList(batch.items.slice(ended)), { mode: 0o600 });
      if (batch.signal.aborted) {
        return 'canceled';
      }
      const { outcome, count } = await this.#runFrom(batch, ended);
      if (outcome !== 'lost') {
        return outcome;
      }
      idleEnds = count === 0 ? idleEnds + 1 : 0;
      ended += count;
      if (ended === batch.items.length) {
        return 'completed';
      }
    }
    throw new ClusterRunnerError(
      'UNAVAILABLE',
      `The shell that runs the atoms ended ${MAX_IDLE_ENDS} times before an atom began; is it killed on this slave?`,
    );
  }

  async #runFrom(batch: Batch, first: number): Promise<BatchOutcome> {
    const shell = await this.#usable();
    let outcome: BatchOutcome = { outcome: 'lost', count: 0 };
    shell.begin();
    try {
      await shell.supplyPipes();
      outcome = batch.signal.aborted
        ? { outcome: 'canceled', count: 0 }
        : await new BatchRun(shell, batch, first, this.#options.clock).done();
    } finally {
      if (outcome.outcome !== 'completed') {
        this.#shell = null;
        await shell.endAll(batch.graceMs);
      }
      shell.settle();
    }
    return outcome;
  }

  /** One that was started in the folder that is there now: a project may have put another in its place. */
  async #usable(): Promise<StartedShell> {
    if (this.#shell?.isGone !== false || this.#shell.place !== placeOf(this.#options.cwd)) {
      this.#shell?.end();
      this.#shell = await StartedShell.start(this.#options);
    }
    return this.#shell;
  }

  /** It is needed no more. Not to be called while a batch runs. */
  end(): void {
    this.#shell?.end();
    this.#shell = null;
  }
}

/** 'lost': the shell has ended meanwhile. `count` items have ended. */
interface BatchOutcome {
  readonly outcome: 'completed' | 'canceled' | 'lost';
  readonly count: number;
}

/** A batch, from its item `first` on, in one shell. */
class BatchRun {
  readonly #shell: StartedShell;
  readonly #batch: Batch;
  readonly #first: number;
  readonly #clock: Clock;
  #ended = 0;
  #item: RunningItem | null = null;

  constructor(shell: StartedShell, batch: Batch, first: number, clock: Clock) {
    this.#shell = shell;
    this.#batch = batch;
    this.#first = first;
    this.#clock = clock;
  }

  async done(): Promise<BatchOutcome> {
    const { signal } = this.#batch;
    // It never begins another item once it is gone; what it has begun is known by the end of what it says.
    const stop = () => this.#shell.kill();
    signal.addEventListener('abort', stop, { once: true });
    try {
      const isDone = await this.#listen();
      if (signal.aborted) {
        return { outcome: 'canceled', count: this.#ended };
      }
      if (!isDone) {
        await this.#endLost();
      }
      return { outcome: isDone ? 'completed' : 'lost', count: this.#ended };
    } finally {
      signal.removeEventListener('abort', stop);
      this.#item?.stop();
    }
  }

  /** True when the shell says that the batch is done, false when it says no more. */
  async #listen(): Promise<boolean> {
    const { items } = this.#batch;
    this.#shell.tell(this.#batch.list);
    for (let line = await this.#shell.line(); line !== null; line = await this.#shell.line()) {
      const word = parseBatchMessage(line);
      switch (word.kind) {
        case 'done':
          return this.#first + this.#ended === items.length;
        case 'begins':
          this.#begin(word.leader);
          break;
        case 'leaves others':
          await this.#item?.endOthers();
          this.#shell.tell('');
          break;
        case 'ended':
          await this.#endItem(word.exitCode, word.seconds);
          break;
      }
    }
    return false;
  }

  #begin(leader: number): void {
    const index = this.#first + this.#ended;
    this.#item = new RunningItem(leader, this.#shell, this.#batch, this.#clock);
    this.#shell.beginItem((bytes) => this.#batch.onOutput(index, bytes));
    this.#batch.onBegin(index);
  }

  async #endItem(exitCode: number, seconds: number): Promise<void> {
    const item = this.#item;
    if (item === null) {
      throw new ClusterRunnerError(
        'UNAVAILABLE',
        'This machine had no room for the process of an atom; raise its limits or use fewer executors.',
      );
    }
    await item.settled();
    this.#report(item, { exitCode, seconds, note: null });
  }

  /** The item that ran when the shell ended. */
  async #endLost(): Promise<void> {
    const item = this.#item;
    if (item === null) {
      return;
    }
    await item.settled();
    this.#shell.kill();
    item.add(await this.#shell.endMembers(this.#batch.graceMs, [item.leader]));
    this.#report(item, {
      exitCode: KILLED,
      seconds: item.seconds(),
      note: item.tookTooLong
        ? null
        : 'The shell that ran this atom ended before it. Did the atom end its parent process, or had the slave no memory left?',
    });
  }

  #report(item: RunningItem, end: Omit<ItemEnd, 'tookTooLong'>): void {
    this.#item = null;
    this.#shell.endItem();
    if (!this.#batch.signal.aborted) {
      const sentences = [end.note, item.survivors.length > 0 ? describeSurvivors(item.survivors) : null];
      const note = sentences.filter((one) => one !== null).join(' ');
      const { tookTooLong } = item;
      this.#batch.onEnd(this.#first + this.#ended, { ...end, tookTooLong, note: note === '' ? null : note });
    }
    this.#ended += 1;
  }
}

/** Which folder a path leads to; null when it leads to none. */
function placeOf(path: string): string | null {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? null : `${stats.dev}:${stats.ino}`;
}

/**
 * The process, with the two pipes over which it is spoken with. Its family, which the watchdog knows, has all of its
 * items: telling the watchdog of each would cost as much as an atom does.
 */
class StartedShell {
  /** Which folder it was started in. */
  readonly place: string | null;
  readonly #leader: Leader;
  readonly #clock: Clock;
  readonly #lines: AsyncIterator<string>;
  readonly #answer: Writable;
  readonly #pipes: ConsolePipes;
  readonly #pipePaths: Writable;
  /** Those whose paths it was told and that no item is known to use, in the order in which items take them. */
  readonly #ahead: ConsolePipe[] = [];
  #supplying: Promise<void> | null = null;
  /** That of the item that runs. */
  #current: ConsolePipe | null = null;
  #isEnded = false;
  /** Those that could not be ended; looking for them again is no use. */
  readonly #survivors = new Set<string>();
  #isGone = false;
  #isBusy = false;

  /** @throws ClusterRunnerError UNAVAILABLE */
  static async start(options: ItemRunnerOptions): Promise<StartedShell> {
    const { command, cwd, env } = options;
    const place = placeOf(cwd);
    const hasWarden = (await containment()).kind === 'subreaper';
    try {
      const call = { file: 'bash', args: ['-c', batchScript(command, env, hasWarden)] };
      const leader = await spawnCommand(call, {
        cwd,
        env,
        stdout: 'ignore',
        stderr: 'ignore',
        isContinued: true,
        pipes: 3,
      });
      return new StartedShell(leader, place, options);
    } catch (error) {
      throw new ClusterRunnerError(
        'UNAVAILABLE',
        `A shell could not be started in ${cwd}; is the folder there, and bash installed on this slave? ${messageOf(error)}`,
        { cause: error },
      );
    }
  }

  private constructor(leader: Leader, place: string | null, { command, pipes, clock }: ItemRunnerOptions) {
    const [said, answer, pipePaths] = leader.pipes;
    if (said === undefined || answer === undefined || pipePaths === undefined) {
      throw new Error('A shell was started without its pipes.');
    }
    this.place = place;
    this.#leader = leader;
    this.#clock = clock;
    this.#answer = answer;
    this.#pipes = pipes;
    this.#pipePaths = pipePaths;
    this.#lines = createInterface({ input: said })[Symbol.asyncIterator]();
    const end = () => {
      this.#isGone = true;
      // Without its warden it may live on, but what its items start could not be found any more.
      this.kill();
      this.#unwatchIfOver();
    };
    leader.exited.then(end, end);
    this.tell('');
    this.tell(command);
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** From now on something of its family may live when it is gone. */
  begin(): void {
    this.#isBusy = true;
  }

  /** Nothing of its family lives but itself. */
  settle(): void {
    this.#isBusy = false;
    this.#unwatchIfOver();
  }

  #unwatchIfOver(): void {
    if (this.#isGone && !this.#isBusy) {
      void this.#leader.gone.then(() => unwatchFamily(this.#leader.root));
    }
  }

  /**
   * Tells it of pipes for the next items, in one go at a time: the order in which it is told of them is the one in which
   * their output is taken for that of its items.
   * @throws ClusterRunnerError UNAVAILABLE
   */
  supplyPipes(): Promise<void> {
    this.#supplying ??= this.#supply().finally(() => {
      this.#supplying = null;
    });
    return this.#supplying;
  }

  async #supply(): Promise<void> {
    let paths = '';
    while (this.#ahead.length < PIPES_AHEAD && !this.#isEnded) {
      const pipe = await this.#pipes.acquire();
      if (this.#isEnded) {
        this.#pipes.release(pipe);
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
      this.#pipes.release(this.#current);
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
    void this.#leader.pid.then((pid) => {
      if (pid !== null && this.#hasNumber(pid)) {
        sendSignal(pid, 'SIGKILL');
      }
    });
  }

  /** Whether the number is still that of the shell. */
  #hasNumber(pid: number): boolean {
    const { scope, root } = this.#leader;
    return scope === 'subreaper' ? processEntry(pid)?.session === root : !this.#isGone;
  }

  /** Ends what its items have started, `groups` of theirs among it, but not itself; see endFamily. */
  async endMembers(graceMs: number, groups: readonly number[]): Promise<readonly Survivor[]> {
    const { root, scope } = this.#leader;
    // It comes by another pipe than what the shell says: an item may have ended before it is known.
    const own = await this.#leader.pid;
    const survivors = await endFamily(root, scope, {
      graceMs,
      clock: this.#clock,
      groups,
      spared: (entry) =>
        // Without a warden the shell is the root.
        entry.pid === own || entry.pid === root || this.#survivors.has(keyOf(entry)),
    });
    for (const one of survivors) {
      this.#survivors.add(keyOf(one));
    }
    return survivors;
  }

  /** Ends it with all that its items have started. */
  async endAll(graceMs: number): Promise<void> {
    this.kill();
    const groups: number[] = [];
    for (let line = await this.line(); line !== null; line = await this.line()) {
      const leader = /^p (\d+)$/.exec(line)?.[1];
      if (leader !== undefined) {
        groups.push(Number(leader));
      }
    }
    await this.endMembers(graceMs, groups);
    this.end();
  }

  /** Of an idle one this is the end of its input, at which it ends by itself; killing it is as good. */
  end(): void {
    this.#isEnded = true;
    this.kill();
    this.#answer.destroy();
    this.#pipePaths.destroy();
    this.#giveBackCurrent();
    for (const pipe of this.#ahead.splice(0)) {
      this.#pipes.release(pipe);
    }
    if (this.#survivors.size > 0) {
      this.#leader.abandon();
    }
  }
}

function keyOf({ pid, began }: { readonly pid: number; readonly began: string }): string {
  return `${pid} ${began}`;
}

/** An item that runs. When its time is over, all that it has started is ended, and the shell then says so. */
class RunningItem {
  readonly leader: number;
  readonly survivors: Survivor[] = [];
  readonly #shell: StartedShell;
  readonly #batch: Batch;
  readonly #clock: Clock;
  readonly #begin: number;
  readonly #limit: TimeLimit | null;
  #ending: Promise<void> = Promise.resolve();

  constructor(leader: number, shell: StartedShell, batch: Batch, clock: Clock) {
    this.leader = leader;
    this.#shell = shell;
    this.#batch = batch;
    this.#clock = clock;
    this.#begin = clock.monotonic();
    const { limitSeconds, signal } = batch;
    this.#limit = limitSeconds === null ? null : new TimeLimit(clock, limitSeconds, signal);
    this.#limit?.signal.addEventListener('abort', () => {
      if (this.tookTooLong) {
        this.#ending = this.#endLate();
        // Whatever went wrong with ending it, its shell must not wait for it for ever.
        this.#ending.catch(() => shell.kill());
      }
    });
  }

  get tookTooLong(): boolean {
    return this.#limit?.isOver ?? false;
  }

  seconds(): number {
    return Math.max(0, this.#clock.monotonic() - this.#begin) / 1000;
  }

  async #endLate(): Promise<void> {
    this.add(await this.#shell.endMembers(this.#batch.limitGraceMs, [this.leader]));
    if (this.survivors.some(({ pid }) => pid === this.leader)) {
      // The shell waits for it.
      this.#shell.kill();
    }
  }

  /** Ends what it has left running. */
  async endOthers(): Promise<void> {
    this.stop();
    await this.#ending;
    if (!this.#batch.signal.aborted) {
      const graceMs = Math.min(LEFTOVER_GRACE_MS, this.#batch.graceMs);
      this.add(await this.#shell.endMembers(graceMs, [this.leader]));
    }
  }

  add(survivors: readonly Survivor[]): void {
    this.survivors.push(...survivors);
  }

  /** Nothing waits for the item any more. */
  stop(): void {
    this.#limit?.end();
  }

  /** The item has ended. Resolves when all that it has started is gone, if it was its time that ended it. */
  async settled(): Promise<void> {
    this.stop();
    await this.#ending;
  }
}
