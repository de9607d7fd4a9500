import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { CallOptions } from '../client/call.js';
import { retry } from '../client/retry.js';
import type { Clock } from '../lib/clock.js';
import type { PackRelay } from '../project/pack-relay.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import type { Session } from './session.js';

/** Of one question: a master that is being started again is waited for, but a build has other ways to its files. */
const PATIENCE_MS = 30_000;

/** Bundles from and for the slave's master. */
export function masterRelay(
  session: Session,
  clock: Clock,
  random: () => number,
  signal: AbortSignal,
): PackRelay {
  const { client } = session;
  const patiently = <T>(call: (options: CallOptions) => Promise<T>): Promise<T> =>
    retry(() => call({ signal }), { clock, random, signal, giveUpAfterMs: PATIENCE_MS });
  return {
    known: async (commits) => {
      const { known, num_slaves } = await patiently((options) => client.knownPacks(commits, options));
      return { known, numSlaves: num_slaves };
    },
    chain: (commit) => patiently((options) => client.getPack(commit, options)),
    fetch: async ({ commit, bytes }, file) => {
      const { stream } = await patiently((options) => client.openPack(commit, options));
      await pipeline(stream, createWriteStream(file, { flags: 'wx' }), { signal });
      const { size } = await stat(file);
      if (size !== bytes) {
        throw new ClusterRunnerError(
          'MASTER_UNREACHABLE',
          `The bundle of commit ${commit} came with ${size} of ${bytes} bytes; check the connection to the master.`,
        );
      }
    },
    send: (commit, base, file) => patiently((options) => client.sendPack(commit, base, file, options)),
  };
}
