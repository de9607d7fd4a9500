import type { Batch, ItemRunner, ItemRunnerOptions } from '../batch/item-runner.js';
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

  run(batch: Batch): Promise<'completed' | 'canceled'> {
    const { executor } = batch;
    const runner =
      this.#runners.get(executor) ?? new WorkerRunner(this.#worker, this.#options, executor, this.#record);
    this.#runners.set(executor, runner);
    return runner.run(batch);
  }

  async end(): Promise<void> {
    await Promise.all([...this.#runners.values()].map((runner) => runner.end()));
  }
}
