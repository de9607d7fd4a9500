import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

/**
 * Work that keeps the process busy for some milliseconds is done one piece at a time, and between two pieces everything
 * else gets its turn: what slaves report, and what is small. Who waits for a turn holds nothing but its place.
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Does nothing when nobody waits for it any more. @throws the reason of `gone`, and what `work` throws */
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
