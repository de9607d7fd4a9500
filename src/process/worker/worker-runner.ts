import { mkdirSync } from 'node:fs';
import type { ConsolePipe } from '../console/console-pipe.js';
import { describeSurvivors } from '../containment/family.js';
import { folderIdentity } from '../folder-identity.js';
import type { ItemEnd, ItemRunner, ItemRunnerOptions, Series, SeriesItem } from '../series/item-runner.js';
import type { StartRecord, WorkerFailure } from './start-record.js';
import { WarmWorker, type WorkerAtom, type WorkerAtomEnd } from './warm-worker.js';

/** The exit code of an atom without a verdict, because its worker has failed. */
export const WORKER_FAILED = 125;
/** How often an atom is handed out when workers end before it begins. */
const MOST_TRIES = 2;

export interface JobWorker {
  /** Shell text that starts the worker. */
  readonly command: string;
  /** The whole environment of the worker of an executor. */
  env(executor: number): Readonly<Record<string, string>>;
  /** After so many atoms a worker is replaced; null: never. */
  readonly recycleAfter: number | null;
  /** Called with a sentence when a worker has ended between two atoms. */
  warn(message: string): void;
}

type SharedOptions = Pick<ItemRunnerOptions, 'cwd' | 'pipes' | 'clock'>;

/** An atom whose workers have failed before it began. */
interface NeverBegun extends WorkerFailure {
  readonly kind: 'never begun';
}

type RunEnd =
  | Exclude<WorkerAtomEnd, { readonly kind: 'not begun' | 'failed' }>
  | (Extract<WorkerAtomEnd, { readonly kind: 'failed' }> & { readonly printed: string })
  | NeverBegun;

/** Hands the atoms of one executor to its worker, which is started for the first one, and replaced when it has ended. */
export class WorkerRunner implements ItemRunner {
  readonly #worker: JobWorker;
  readonly #options: SharedOptions;
  readonly #executor: number;
  readonly #record: StartRecord;
  #current: { readonly worker: WarmWorker; readonly folder: string | null } | null = null;
  /** The ends of workers that were replaced. */
  readonly #ending = new Set<Promise<unknown>>();

  constructor(worker: JobWorker, options: SharedOptions, executor: number, record: StartRecord) {
    this.#worker = worker;
    this.#options = options;
    this.#executor = executor;
    this.#record = record;
  }

  async run(series: Series): Promise<'completed' | 'canceled'> {
    for (const [index, item] of series.items.entries()) {
      if (series.signal.aborted || !(await this.#runItem(series, item, index))) {
        return 'canceled';
      }
    }
    return 'completed';
  }

  async end(): Promise<void> {
    this.#dismiss();
    await Promise.all(this.#ending);
  }

  /** False if the item was canceled. */
  async #runItem(series: Series, item: SeriesItem, index: number): Promise<boolean> {
    mkdirSync(item.folder, { recursive: true, mode: 0o700 });
    const pipe = await this.#options.pipes.acquire();
    const console = new ItemConsole(series, index, pipe);
    let end: RunEnd;
    try {
      end = await this.#options.pipes.withOwnPath(pipe, (path) =>
        this.#tryItem(series, item, path, () => console.begin()),
      );
      if (end.kind === 'canceled') {
        return false;
      }
      console.begin();
    } finally {
      this.#options.pipes.release(pipe);
    }
    if ('printed' in end) {
      console.append(end.printed);
    }
    series.onEnd(index, itemEnd(end));
    return true;
  }

  /** An atom that has not begun when its worker ends is handed to another one. */
  async #tryItem(series: Series, item: SeriesItem, path: string, onBegin: () => void): Promise<RunEnd> {
    for (let tries = 1; ; tries += 1) {
      const worker = await this.#usable(series);
      if (!(worker instanceof WarmWorker)) {
        return worker;
      }
      const end = await worker.run({
        ...atomOf(series, item, path),
        onBegin,
      });
      if (end.kind !== 'not begun') {
        return end.kind === 'failed' ? { ...end, printed: worker.printed() } : end;
      }
      if (tries === MOST_TRIES) {
        return { kind: 'never begun', reason: end.reason, printed: worker.printed() };
      }
    }
  }

  /** A worker that waits for an atom, in the present folder of the project; a build may have replaced it. */
  async #usable(series: Series): Promise<WarmWorker | NeverBegun | { readonly kind: 'canceled' }> {
    const { recycleAfter, command, warn } = this.#worker;
    const { cwd } = this.#options;
    const current = this.#current;
    const isUsable =
      current !== null &&
      !current.worker.isOver &&
      current.folder === folderIdentity(cwd) &&
      current.worker.requests < (recycleAfter ?? Number.POSITIVE_INFINITY);
    if (isUsable) {
      return current.worker;
    }
    this.#dismiss();
    for (;;) {
      const verdict = this.#record.verdict;
      if (verdict !== null) {
        return { ...verdict, kind: 'never begun' };
      }
      const folder = folderIdentity(cwd);
      const started = await WarmWorker.start({
        ...this.#options,
        command,
        env: this.#worker.env(this.#executor),
        signal: series.signal,
        graceMs: series.graceMs,
        onLost: (reason) => warn(`A worker ended between two atoms, and is replaced: ${reason}`),
      });
      if (started instanceof WarmWorker) {
        this.#record.noteReady();
        this.#current = { worker: started, folder };
        return started;
      }
      if (started.kind === 'canceled') {
        return { kind: 'canceled' };
      }
      this.#record.noteFailure({ reason: started.reason, printed: started.printed });
    }
  }

  #dismiss(): void {
    const worker = this.#current?.worker;
    this.#current = null;
    if (worker !== undefined) {
      const ending = (worker.isOver ? worker.end(0) : worker.dismiss()).finally(() =>
        this.#ending.delete(ending),
      );
      this.#ending.add(ending);
    }
  }
}

/** The console of an item, which begins with it. */
class ItemConsole {
  readonly #series: Series;
  readonly #index: number;
  readonly #pipe: ConsolePipe;
  #hasBegun = false;
  #endsLine = true;

  constructor(series: Series, index: number, pipe: ConsolePipe) {
    this.#series = series;
    this.#index = index;
    this.#pipe = pipe;
  }

  /** Reports the begin of the item, once. */
  begin(): void {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      this.#series.onBegin(this.#index);
      this.#pipe.begin((bytes) => this.#write(bytes));
    }
  }

  /** Adds what a failed worker has printed. To be called when the output of the item is complete. */
  append(printed: string): void {
    if (printed !== '') {
      const text = `${this.#endsLine ? '' : '\n'}The worker printed at its end:\n${printed}`;
      this.#write(Buffer.from(text));
    }
  }

  #write(bytes: Buffer): void {
    this.#endsLine = bytes.at(-1) === 0x0a;
    this.#series.onOutput(this.#index, bytes);
  }
}

function atomOf(
  series: Series,
  { name, env, folder }: SeriesItem,
  path: string,
): Omit<WorkerAtom, 'onBegin'> {
  const { signal, limitSeconds, graceMs, limitGraceMs } = series;
  return {
    request: {
      atom: name.id,
      variable: name.variable,
      value: name.value,
      artifact_dir: folder,
      console: path,
      environment: env,
    },
    signal,
    limitSeconds,
    graceMs,
    limitGraceMs,
  };
}

function itemEnd(end: Exclude<RunEnd, { readonly kind: 'canceled' }>): ItemEnd {
  if (end.kind === 'never begun') {
    const note = `No worker began this atom, so it failed: ${end.reason}`;
    return { exitCode: WORKER_FAILED, seconds: 0, tookTooLong: false, note };
  }
  const notes = end.survivors.length === 0 ? [] : [describeSurvivors(end.survivors)];
  if (end.kind === 'failed') {
    const note = [`${end.reason} So this atom failed, and another worker runs the next one.`, ...notes].join(
      ' ',
    );
    return { exitCode: WORKER_FAILED, seconds: end.seconds, tookTooLong: false, note };
  }
  const { exitCode, seconds, tookTooLong, tests } = end;
  return { exitCode, seconds, tookTooLong, note: notes[0] ?? null, tests };
}
