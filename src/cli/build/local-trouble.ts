import { sleepUnlessAborted } from '../../lib/async/sleep-unless-aborted.js';
import type { Clock } from '../../lib/clock.js';
import { ClusterRunnerError } from '../../protocol/errors.js';

const LOOK_EVERY_MS = 1_000;
/** Somebody may be making room; nobody but the command waits for a cluster of its own, however. */
const PATIENCE_MS = 30_000;

export interface Trouble {
  /** Aborted with a ClusterRunnerError when the cluster could not go on for half a minute. */
  readonly signal: AbortSignal;
  stop(): Promise<void>;
}

/** Watches a cluster that nobody will mend while a command waits for it. `problem`: why it cannot go on at this moment. */
export function watchTrouble(problem: () => Promise<string | null>, clock: Clock): Trouble {
  const trouble = new AbortController();
  const stopped = new AbortController();
  const watching = (async () => {
    for (
      let lookedFor = 0;
      await sleepUnlessAborted(clock, LOOK_EVERY_MS, stopped.signal);
      lookedFor += LOOK_EVERY_MS
    ) {
      const sentence = await problem();
      if (sentence === null) {
        lookedFor = 0;
      } else if (lookedFor >= PATIENCE_MS) {
        trouble.abort(
          new ClusterRunnerError(
            'UNAVAILABLE',
            `The build is given up, since it could not go on for ${PATIENCE_MS / 1000} s: ${sentence}`,
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
