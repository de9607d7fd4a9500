import type { ItemRunner, ItemRunnerOptions, Series } from '../series/item-runner.js';
import { StartRecord } from './start-record.js';
import { type JobWorker, WorkerRunner } from './worker-runner.js';

/** Keeps a worker for each executor. */
export class WorkerPool implements ItemRunner {
  readonly #worker: JobWorker;
  readonly #options: Pick<ItemRunnerOptions, 'cwd' | 'pipes' | 'clock'>;
  readonly #runners = new Map<number, WorkerRunner>();
  readonly #record = new StartRecord();

  constructor(worker: JobWorker, options: Pick<ItemRunnerOptions, 'cwd' | 'pipes' | 'clock'>) {
    this.#worker = worker;
    this.#options = options;
  }

  run(series: Series): Promise<'completed' | 'canceled'> {
    const { executor } = series;
    const runner =
      this.#runners.get(executor) ?? new WorkerRunner(this.#worker, this.#options, executor, this.#record);
    this.#runners.set(executor, runner);
    return runner.run(series);
  }

  async end(): Promise<void> {
    await Promise.all([...this.#runners.values()].map((runner) => runner.end()));
  }
}
