import type { ItemRunner, ItemRunnerOptions, Series } from './item-runner.js';
import { SeriesShell } from './series-shell.js';

/** Keeps a shell for each series that runs at the same time, and uses the idle ones again. */
export class ShellPool implements ItemRunner {
  readonly #options: ItemRunnerOptions;
  readonly #idle: SeriesShell[] = [];

  constructor(options: ItemRunnerOptions) {
    this.#options = options;
  }

  async run(series: Series): Promise<'completed' | 'canceled'> {
    const shell = this.#idle.pop() ?? new SeriesShell(this.#options);
    try {
      return await shell.run(series);
    } finally {
      this.#idle.push(shell);
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((shell) => shell.end()));
  }
}
