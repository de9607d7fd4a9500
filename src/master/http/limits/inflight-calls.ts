import type { ServerResponse } from 'node:http';
import { ClusterRunnerError } from '../../../protocol/errors.js';

/** A call whose response is not complete. */
class InflightCall {
  readonly #response: ServerResponse;
  readonly #stopping: AbortSignal;
  #gone: AbortController | null = null;
  readonly #hungUp = () => {
    this.#gone?.abort(new ClusterRunnerError('UNAVAILABLE', 'The client hung up.'));
  };

  constructor(response: ServerResponse, stopping: AbortSignal) {
    this.#response = response;
    this.#stopping = stopping;
  }

  /** Aborted when the client hangs up or the master stops. Made on demand, since most calls respond at once. */
  get gone(): AbortSignal {
    if (this.#gone === null) {
      this.#gone = new AbortController();
      this.#response.once('close', this.#hungUp);
      if (this.#stopping.aborted) {
        this.stop();
      } else if (this.#response.destroyed) {
        this.#hungUp();
      }
    }
    return this.#gone.signal;
  }

  stop(): void {
    this.#gone?.abort(stoppingError());
  }

  end(): void {
    this.#response.off('close', this.#hungUp);
  }
}

/** The calls in flight, each with a signal that says when nobody waits for its response any more. */
export class InflightCalls {
  readonly #open = new Set<InflightCall>();
  readonly #stopping = new AbortController();

  /** Aborted when the master stops. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Runs `work` with a signal that is aborted when the client hangs up or the master stops. */
  async run<T>(
    response: ServerResponse,
    work: (call: { readonly gone: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    const call = new InflightCall(response, this.stopping);
    this.#open.add(call);
    try {
      return await work(call);
    } finally {
      call.end();
      this.#open.delete(call);
    }
  }

  stop(): void {
    this.#stopping.abort(stoppingError());
    for (const call of this.#open) {
      call.stop();
    }
  }
}

function stoppingError(): ClusterRunnerError {
  return new ClusterRunnerError('UNAVAILABLE', 'The master is stopping; ask again later.');
}
