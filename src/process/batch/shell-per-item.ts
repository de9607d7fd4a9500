import { mkdirSync } from 'node:fs';
import { TimeLimit } from '../../lib/async/time-limit.js';
import { describeSurvivors } from '../containment/family.js';
import { type CommandResult, runCommand } from '../run-command.js';
import type { Batch, BatchItem, ItemRunner, ItemRunnerOptions } from './item-runner.js';

/** Starts a new shell for each item. Slower than ShellPool, and works with any shell. */
export class ShellPerItem implements ItemRunner {
  readonly #options: ItemRunnerOptions;

  constructor(options: ItemRunnerOptions) {
    this.#options = options;
  }

  async run(batch: Batch): Promise<'completed' | 'canceled'> {
    for (const [index, item] of batch.items.entries()) {
      if (batch.signal.aborted) {
        return 'canceled';
      }
      mkdirSync(item.folder, { recursive: true, mode: 0o700 });
      batch.onBegin(index);
      const time = new TimeLimit(this.#options.clock, batch.limitSeconds, batch.signal);
      const result = await this.#runItem(item, index, batch, time).finally(() => time.end());
      const { exitCode, seconds, survivors, ended } = result;
      const tookTooLong = ended === 'canceled' && time.isOver && !batch.signal.aborted;
      if (ended === 'canceled' && !tookTooLong) {
        return 'canceled';
      }
      const note = survivors.length === 0 ? null : describeSurvivors(survivors);
      batch.onEnd(index, { exitCode, seconds, tookTooLong, note });
    }
    return 'completed';
  }

  async end(): Promise<void> {
    // Nothing is kept between items.
  }

  async #runItem(item: BatchItem, index: number, batch: Batch, time: TimeLimit): Promise<CommandResult> {
    const { command, cwd, env, pipes, clock } = this.#options;
    const pipe = await pipes.acquire();
    pipe.begin((bytes) => batch.onOutput(index, bytes));
    return runCommand({
      command,
      cwd,
      env: { ...env, ...item.env },
      output: { kind: 'pipe', pipe },
      signal: time.signal,
      graceMs: () => (time.isOver ? batch.limitGraceMs : batch.graceMs),
      clock,
    }).finally(() => pipes.release(pipe));
  }
}
