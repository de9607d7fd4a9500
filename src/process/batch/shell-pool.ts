import { BatchShell } from './batch-shell.js';
import type { Batch, ItemRunner, ItemRunnerOptions } from './item-runner.js';

/** Keeps a shell for each batch that runs at the same time, and uses the idle ones again. */
export class ShellPool implements ItemRunner {
  readonly #options: ItemRunnerOptions;
  readonly #idle: BatchShell[] = [];

  constructor(options: ItemRunnerOptions) {
    this.#options = options;
  }

  async run(batch: Batch): Promise<'completed' | 'canceled'> {
    const shell = this.#idle.pop() ?? new BatchShell(this.#options);
    try {
      return await shell.run(batch);
    } finally {
      this.#idle.push(shell);
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((shell) => shell.end()));
  }
}
