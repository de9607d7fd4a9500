import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

/**
 * Begins so few requests in one turn of the event loop that the turn takes some milliseconds. Node accepts one connection in
 * each turn. So without a limit, thousands of requests of slaves that are connected already would keep the others out, for
 * longer than their signatures and leases last.
 */
export const REQUESTS_PER_TURN = 8;
/** So many of a turn are reads as long as some wait: few people read, and they must not queue behind thousands of slaves. */
export const READS_PER_TURN = 4;

interface Waiting {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Calls `listener` at once for the first requests of a turn, and for the others in later turns, reads (GET) and changes each in
 * their order. `nextTurn` calls back in the next turn. A request whose client hangs up meanwhile is dropped. A connection has one request that waits at most.
 */
export function limitRequestsPerTurn(
  listener: RequestListener,
  nextTurn: (callback: () => void) => unknown = setImmediate,
): RequestListener {
  const reads = new Set<Waiting>();
  const changes = new Set<Waiting>();
  let begun = 0;
  let isScheduled = false;

  const begin = ({ request, response }: Waiting) => {
    begun += 1;
    if (!isScheduled) {
      isScheduled = true;
      nextTurn(beginTurn);
    }
    listener(request, response);
  };
  const beginTurn = () => {
    isScheduled = false;
    begun = 0;
    beginUpTo(READS_PER_TURN, reads);
    beginUpTo(REQUESTS_PER_TURN, changes);
    beginUpTo(REQUESTS_PER_TURN, reads);
  };
  const beginUpTo = (limit: number, waiting: Set<Waiting>) => {
    for (const next of waiting) {
      if (begun >= limit) {
        return;
      }
      waiting.delete(next);
      if (!next.response.destroyed) {
        begin(next);
      }
    }
  };
  return (request, response) => {
    // Below the limit none waits, since each turn begins those first.
    if (begun < REQUESTS_PER_TURN) {
      begin({ request, response });
    } else {
      const waiting = request.method === 'GET' ? reads : changes;
      waiting.add({ request, response });
    }
  };
}
