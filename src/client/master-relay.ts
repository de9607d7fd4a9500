import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../lib/clock.js';
import type { BundleInfo } from '../protocol/bundle.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import type { CallOptions } from './call.js';
import type { MasterClient } from './master-client.js';
import { retry } from './retry.js';

export interface RelayOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** How long one call is retried while the master does not respond. */
  readonly patienceMs: number;
}

/** The BundleRelay of slaves, and of the command that sends a snapshot. */
export function masterRelay(
  client: Pick<MasterClient, 'knownPacks' | 'getPack' | 'openPack' | 'sendPack'>,
  options: RelayOptions,
) {
  const { clock, random, signal, patienceMs } = options;
  const withRetries = <T>(call: (options: CallOptions) => Promise<T>): Promise<T> =>
    retry(() => call({ signal }), { clock, random, signal, giveUpAfterMs: patienceMs });
  return {
    known: async (commits: readonly string[]) => {
      const { known, num_slaves } = await withRetries((call) => client.knownPacks(commits, call));
      return { known, numSlaves: num_slaves };
    },
    chain: (commit: string) => withRetries((call) => client.getPack(commit, call)),
    fetch: async ({ commit, bytes, digest }: BundleInfo, file: string) => {
      const { stream } = await withRetries((call) => client.openPack(commit, call));
      const hash = createHash('sha256');
      const hashing = async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          yield chunk;
        }
      };
      await pipeline(stream, hashing, createWriteStream(file, { flags: 'wx' }), { signal });
      const { size } = await stat(file);
      if (size !== bytes) {
        throw new ClusterRunnerError(
          'MASTER_UNREACHABLE',
          `The bundle of commit ${commit} came with ${size} of ${bytes} bytes; check the connection to the master.`,
        );
      }
      if (hash.digest('hex') !== digest) {
        throw new ClusterRunnerError(
          'UNAVAILABLE',
          `The bundle of commit ${commit} is not the one that the master has; find out what changes the traffic between this machine and the master, or use TLS.`,
        );
      }
    },
    send: (commit: string, base: string | null, file: string) =>
      withRetries((call) => client.sendPack(commit, base, file, call)),
  };
}
