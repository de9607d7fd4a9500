import { mkdirSync } from 'node:fs';
import { TimeLimit } from '../../lib/async/time-limit.js';
import { describeSurvivors } from '../containment/family.js';
import { type CommandResult, runCommand } from '../run-command.js';
import type { ItemRunner, ItemRunnerOptions, Series, SeriesItem } from './item-runner.js';

/** Starts a new shell for each item. Slower than ShellPool, and works with any shell. */
export class ShellPerItem implements ItemRunner {
  readonly #options: ItemRunnerOptions;

  constructor(options: ItemRunnerOptions) {
    this.#options = options;
  }

  async run(series: Series): Promise<'completed' | 'canceled'> {
    for (const [index, item] of series.items.entries()) {
      if (series.signal.aborted) {
        return 'canceled';
      }
      mkdirSync(item.folder, { recursive: true, mode: 0o700 });
      series.onBegin(index);
      const time = new TimeLimit(this.#options.clock, series.limitSeconds, series.signal);
      const result = await this.#runItem(item, index, series, time).finally(() => time.end());
      const { exitCode, seconds, survivors, ended } = result;
      const tookTooLong = ended === 'canceled' && time.isOver && !series.signal.aborted;
      if (ended === 'canceled' && !tookTooLong) {
        return 'canceled';
      }
      const note = survivors.length === 0 ? null : describeSurvivors(survivors);
      series.onEnd(index, { exitCode, seconds, tookTooLong, note });
    }
    return 'completed';
  }

  async end(): Promise<void> {
    // Nothing is kept between items.
  }

  async #runItem(item: SeriesItem, index: number, series: Series, time: TimeLimit): Promise<CommandResult> {
    const { command, cwd, env, pipes, clock } = this.#options;
    const pipe = await pipes.acquire();
    pipe.begin((bytes) => series.onOutput(index, bytes));
    return runCommand({
      command,
      cwd,
      env: { ...env, ...item.env },
      output: { kind: 'pipe', pipe },
      signal: time.signal,
      graceMs: () => (time.isOver ? series.limitGraceMs : series.graceMs),
      clock,
    }).finally(() => pipes.release(pipe));
  }
}
