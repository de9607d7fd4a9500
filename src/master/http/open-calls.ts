import type { ServerResponse } from 'node:http';
import { ClusterRunnerError } from '../../protocol/errors.js';

/** The calls that are being answered: each has a signal that says when nobody waits for its answer any more. */
export class OpenCalls {
  readonly #open = new Set<AbortController>();
  readonly #stopping = new AbortController();

  /** Aborted when the master stops. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Runs `work` with a signal that is aborted when the client hangs up or the master stops. */
  async run<T>(response: ServerResponse, work: (gone: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const hungUp = () => controller.abort(new ClusterRunnerError('UNAVAILABLE', 'The client hung up.'));
    this.#open.add(controller);
    response.once('close', hungUp);
    if (this.stopping.aborted) {
      controller.abort(stoppingError());
    } else if (response.destroyed) {
      hungUp();
    }
    try {
      return await work(controller.signal);
    } finally {
      response.off('close', hungUp);
      this.#open.delete(controller);
    }
  }

  stop(): void {
    this.#stopping.abort(stoppingError());
    for (const controller of this.#open) {
      controller.abort(stoppingError());
    }
  }
}

function stoppingError(): ClusterRunnerError {
  return new ClusterRunnerError('UNAVAILABLE', 'The master is stopping; ask again later.');
}
