import { type Batch, BatchShell, type BatchShellOptions } from '../../process/batch/batch-shell.js';

/** The shells that run the atoms of one build on this slave: one for each executor that works on it at a time. */
export class ShellPool {
  readonly #options: BatchShellOptions;
  readonly #idle: BatchShell[] = [];

  constructor(options: BatchShellOptions) {
    this.#options = options;
  }

  /** Runs a batch in a shell that is free. See BatchShell.run. */
  async run(batch: Batch): Promise<'completed' | 'canceled'> {
    const shell = this.#idle.pop() ?? new BatchShell(this.#options);
    try {
      return await shell.run(batch);
    } finally {
      this.#idle.push(shell);
    }
  }

  /** To be called when no batch runs. */
  end(): void {
    for (const shell of this.#idle.splice(0)) {
      shell.end();
    }
  }
}
