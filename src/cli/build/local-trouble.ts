import { sleepUnlessAborted } from '../../lib/async/sleep-unless-aborted.js';
import type { Clock } from '../../lib/clock.js';
import { ClusterRunnerError } from '../../protocol/errors.js';

const LOOK_EVERY_MS = 1_000;
/** How long a problem may last: somebody may be freeing disk space. */
const PATIENCE_MS = 30_000;

export interface Trouble {
  /** Aborted with a ClusterRunnerError when the cluster could not go on for half a minute. */
  readonly signal: AbortSignal;
  stop(): Promise<void>;
}

/** Watches a cluster of one command, which nobody repairs. `problem` resolves with why it cannot go on now. */
export function watchTrouble(problem: () => Promise<string | null>, clock: Clock): Trouble {
  const trouble = new AbortController();
  const stopped = new AbortController();
  const watching = (async () => {
    for (
      let lookedFor = 0;
      await sleepUnlessAborted(clock, LOOK_EVERY_MS, stopped.signal);
      lookedFor += LOOK_EVERY_MS
    ) {
      const message = await problem();
      if (message === null) {
        lookedFor = 0;
      } else if (lookedFor >= PATIENCE_MS) {
        trouble.abort(
          new ClusterRunnerError(
            'UNAVAILABLE',
            `The build is given up, since it could not go on for ${PATIENCE_MS / 1000} s: ${message}`,
          ),
        );
        return;
      }
    }
  })();
  return {
    signal: trouble.signal,
    async stop() {
      stopped.abort();
      await watching;
    },
  };
}
