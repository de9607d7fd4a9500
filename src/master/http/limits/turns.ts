import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

/**
 * Runs work that blocks the process for some milliseconds one piece at a time, and yields to the event loop between two
 * pieces, for reports of slaves and small requests. Waiting for a turn holds no resources.
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Skips `work` when `gone` is aborted. @throws the reason of `gone`, and what `work` throws */
  take<T>(gone: AbortSignal, work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(async () => {
      gone.throwIfAborted();
      return await work();
    });
    this.#last = turn.then(
      () => yieldToEventLoop(),
      () => (gone.aborted ? undefined : yieldToEventLoop()),
    );
    return turn;
  }
}
