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
import { folderIdentity } from '../folder-identity.js';
import { type Leader, spawnCommand } from '../spawn.js';
import { LEFTOVER_GRACE_MS } from '../supervise.js';
import type { ItemEnd, ItemRunner, ItemRunnerOptions, Series } from './item-runner.js';
import { parseSeriesMessage, seriesList, seriesScript } from './series-script.js';

/** The exit code of an item whose shell has ended. */
const KILLED = 128 + 9;
/** How many pipes the shell has in advance, so that items need not wait for this process. */
const PIPES_AHEAD = 4;
/** How often a shell may end before any item begins, until something must be wrong with this machine. */
const MAX_IDLE_ENDS = 3;

/**
 * Runs items in a shell that is kept for later series; see series-script.ts. The shell is started by the first series, and again
 * after it was killed, by an item or by a machine without memory. Starting a process out of Node takes tens of milliseconds
 * when its memory is large.
 */
export class SeriesShell implements ItemRunner {
  readonly #options: ItemRunnerOptions;
  #shell: StartedShell | null = null;

  constructor(options: ItemRunnerOptions) {
    this.#options = options;
  }

  /**
   * Runs one series at a time.
   * @throws ClusterRunnerError UNAVAILABLE when shells end again and again, or cannot start a process
   */
  async run(series: Series): Promise<'completed' | 'canceled'> {
    let ended = 0;
    for (let idleEnds = 0; idleEnds < MAX_IDLE_ENDS; ) {
      await writeFile(series.list, seriesList(series.items.slice(ended)), { mode: 0o600 });
      if (series.signal.aborted) {
        return 'canceled';
      }
      const { outcome, count } = await this.#runFrom(series, ended);
      if (outcome !== 'lost') {
        return outcome;
      }
      idleEnds = count === 0 ? idleEnds + 1 : 0;
      ended += count;
      if (ended === series.items.length) {
        return 'completed';
      }
    }
    throw new ClusterRunnerError(
      'UNAVAILABLE',
      `The shell that runs the atoms ended ${MAX_IDLE_ENDS} times before an atom began; is it killed on this slave?`,
    );
  }

  async #runFrom(series: Series, first: number): Promise<SeriesOutcome> {
    const shell = await this.#usable();
    let outcome: SeriesOutcome = { outcome: 'lost', count: 0 };
    shell.begin();
    try {
      await shell.supplyPipes();
      outcome = series.signal.aborted
        ? { outcome: 'canceled', count: 0 }
        : await new SeriesRun(shell, series, first, this.#options.clock).done();
    } finally {
      if (outcome.outcome !== 'completed') {
        this.#shell = null;
        await shell.endAll(series.graceMs);
      }
      shell.settle();
    }
    return outcome;
  }

  /** A shell that was started in the current folder: a project may have replaced it. */
  async #usable(): Promise<StartedShell> {
    if (this.#shell?.isGone !== false || this.#shell.folder !== folderIdentity(this.#options.cwd)) {
      this.#shell?.end();
      this.#shell = await StartedShell.start(this.#options);
    }
    return this.#shell;
  }

  async end(): Promise<void> {
    this.#shell?.end();
    this.#shell = null;
  }
}

/** 'lost': the shell has ended. `count`: how many items have ended. */
interface SeriesOutcome {
  readonly outcome: 'completed' | 'canceled' | 'lost';
  readonly count: number;
}

/** Runs a series, from its item `first` on, in one shell. */
class SeriesRun {
  readonly #shell: StartedShell;
  readonly #series: Series;
  readonly #first: number;
  readonly #clock: Clock;
  #ended = 0;
  #item: RunningItem | null = null;

  constructor(shell: StartedShell, series: Series, first: number, clock: Clock) {
    this.#shell = shell;
    this.#series = series;
    this.#first = first;
    this.#clock = clock;
  }

  async done(): Promise<SeriesOutcome> {
    const { signal } = this.#series;
    // A killed shell begins no further item. It has reported every item that it has begun.
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

  /** Resolves with true when the shell reports that the series is done, false when it has ended. */
  async #listen(): Promise<boolean> {
    const { items } = this.#series;
    this.#shell.send(this.#series.list);
    for (let line = await this.#shell.line(); line !== null; line = await this.#shell.line()) {
      const message = parseSeriesMessage(line);
      switch (message.kind) {
        case 'done':
          return this.#first + this.#ended === items.length;
        case 'begun':
          this.#begin(message.leader);
          break;
        case 'left others':
          await this.#item?.endOthers();
          this.#shell.send('');
          break;
        case 'ended':
          await this.#endItem(message.exitCode, message.seconds);
          break;
      }
    }
    return false;
  }

  #begin(leader: number): void {
    const index = this.#first + this.#ended;
    this.#item = new RunningItem(leader, this.#shell, this.#series, this.#clock);
    this.#shell.beginItem((bytes) => this.#series.onOutput(index, bytes));
    this.#series.onBegin(index);
  }

  async #endItem(exitCode: number, seconds: number): Promise<void> {
    const item = this.#item;
    if (item === null) {
      throw new ClusterRunnerError(
        'UNAVAILABLE',
        'This machine could not start the process of an atom; raise its limits or use fewer executors.',
      );
    }
    await item.settled();
    this.#report(item, { exitCode, seconds, note: null });
  }

  /** Reports the item that ran when the shell ended. */
  async #endLost(): Promise<void> {
    const item = this.#item;
    if (item === null) {
      return;
    }
    await item.settled();
    this.#shell.kill();
    item.add(await this.#shell.endMembers(this.#series.graceMs, [item.leader]));
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
    if (!this.#series.signal.aborted) {
      const notes = [end.note, item.survivors.length > 0 ? describeSurvivors(item.survivors) : null];
      const note = notes.filter((one) => one !== null).join(' ');
      const { tookTooLong } = item;
      this.#series.onEnd(this.#first + this.#ended, { ...end, tookTooLong, note: note === '' ? null : note });
    }
    this.#ended += 1;
  }
}

/**
 * The process of a shell, and its pipes. The watchdog knows its family, to which all items belong: notifying it of each item
 * would cost as much as an atom.
 */
class StartedShell {
  /** The identity of the folder in which it was started. */
  readonly folder: string | null;
  readonly #leader: Leader;
  readonly #clock: Clock;
  readonly #lines: AsyncIterator<string>;
  readonly #input: Writable;
  readonly #pipes: ConsolePipes;
  readonly #pipePaths: Writable;
  /** Pipes whose paths were sent to the shell, and that no known item uses, in the order in which items take them. */
  readonly #ahead: ConsolePipe[] = [];
  #supplying: Promise<void> | null = null;
  /** The pipe of the running item. */
  #current: ConsolePipe | null = null;
  #isEnded = false;
  /** Processes that could not be ended before, and are not tried again. */
  readonly #survivors = new Set<string>();
  #isGone = false;
  #isBusy = false;

  /** @throws ClusterRunnerError UNAVAILABLE */
  static async start(options: ItemRunnerOptions): Promise<StartedShell> {
    const { command, cwd, env } = options;
    const folder = folderIdentity(cwd);
    const hasWarden = (await containment()).kind === 'subreaper';
    try {
      const call = { file: 'bash', args: ['-c', seriesScript(command, env, hasWarden)] };
      const leader = await spawnCommand(call, {
        cwd,
        env,
        stdout: 'ignore',
        stderr: 'ignore',
        isContinued: true,
        pipes: 3,
      });
      return new StartedShell(leader, folder, options);
    } catch (error) {
      throw new ClusterRunnerError(
        'UNAVAILABLE',
        `A shell could not be started in ${cwd}; is the folder there, and bash installed on this slave? ${messageOf(error)}`,
        { cause: error },
      );
    }
  }

  private constructor(leader: Leader, folder: string | null, { command, pipes, clock }: ItemRunnerOptions) {
    const [output, input, pipePaths] = leader.pipes;
    if (output === undefined || input === undefined || pipePaths === undefined) {
      throw new Error('A shell was started without its pipes.');
    }
    this.folder = folder;
    this.#leader = leader;
    this.#clock = clock;
    this.#input = input;
    this.#pipes = pipes;
    this.#pipePaths = pipePaths;
    this.#lines = createInterface({ input: output })[Symbol.asyncIterator]();
    const end = () => {
      this.#isGone = true;
      // A shell that outlives its warden must not go on: the processes of its items could not be found any more.
      this.kill();
      this.#unwatchIfOver();
    };
    leader.exited.then(end, end);
    this.send('');
    this.send(command);
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** A series begins: from now on the rest of the family may outlive the shell. */
  begin(): void {
    this.#isBusy = true;
  }

  /** The series has ended: the shell is all that lives of the family. */
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
   * Sends the shell pipes for the next items, one call at a time: the order of the pipes decides which item an output belongs
   * to.
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

  /** The item and all that it has started are gone: passes on the rest of its output. */
  endItem(): void {
    this.#releaseCurrent();
    if (this.#ahead.length <= PIPES_AHEAD / 2) {
      // Without a pipe the shell would wait forever.
      this.supplyPipes().catch(() => this.kill());
    }
  }

  #releaseCurrent(): void {
    if (this.#current !== null) {
      this.#pipes.release(this.#current);
      this.#current = null;
    }
  }

  send(text: string): void {
    this.#input.write(`${text}\0`);
  }

  /** The next line of its output; null when all processes that could write one are gone. */
  async line(): Promise<string | null> {
    const next = await this.#lines.next();
    return next.done === true ? null : next.value;
  }

  kill(): void {
    void this.#leader.pid.then((pid) => {
      if (pid !== null && this.#isPid(pid)) {
        sendSignal(pid, 'SIGKILL');
      }
    });
  }

  /** Whether the pid is still that of the shell. */
  #isPid(pid: number): boolean {
    const { scope, root } = this.#leader;
    return scope === 'subreaper' ? processEntry(pid)?.session === root : !this.#isGone;
  }

  /** Ends its family except itself; `groups` are process groups of items. See endFamily. */
  async endMembers(graceMs: number, groups: readonly number[]): Promise<readonly Survivor[]> {
    const { root, scope } = this.#leader;
    // The pid arrives by another pipe than the messages, and may arrive later.
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

  /** Ends the shell and its family. */
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

  /** Ends the shell; to be called when no item runs. */
  end(): void {
    this.#isEnded = true;
    this.kill();
    this.#input.destroy();
    this.#pipePaths.destroy();
    this.#releaseCurrent();
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

/** An item that runs. When its time is over its processes are ended, and the shell reports its end. */
class RunningItem {
  readonly leader: number;
  readonly survivors: Survivor[] = [];
  readonly #shell: StartedShell;
  readonly #series: Series;
  readonly #clock: Clock;
  readonly #begin: number;
  readonly #limit: TimeLimit | null;
  #ending: Promise<void> = Promise.resolve();

  constructor(leader: number, shell: StartedShell, series: Series, clock: Clock) {
    this.leader = leader;
    this.#shell = shell;
    this.#series = series;
    this.#clock = clock;
    this.#begin = clock.monotonic();
    const { limitSeconds, signal } = series;
    this.#limit = limitSeconds === null ? null : new TimeLimit(clock, limitSeconds, signal);
    this.#limit?.signal.addEventListener('abort', () => {
      if (this.tookTooLong) {
        this.#ending = this.#endLate();
        // The shell must not wait forever for an item that could not be ended.
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
    this.add(await this.#shell.endMembers(this.#series.limitGraceMs, [this.leader]));
    if (this.survivors.some(({ pid }) => pid === this.leader)) {
      // The shell waits for it.
      this.#shell.kill();
    }
  }

  /** Ends background processes that the item has left. */
  async endOthers(): Promise<void> {
    this.stop();
    await this.#ending;
    if (!this.#series.signal.aborted) {
      const graceMs = Math.min(LEFTOVER_GRACE_MS, this.#series.graceMs);
      this.add(await this.#shell.endMembers(graceMs, [this.leader]));
    }
  }

  add(survivors: readonly Survivor[]): void {
    this.survivors.push(...survivors);
  }

  /** Ends the time limit. */
  stop(): void {
    this.#limit?.end();
  }

  /** To be called when the item has ended. Resolves when its processes are gone, if its time limit ended it. */
  async settled(): Promise<void> {
    this.stop();
    await this.#ending;
  }
}
