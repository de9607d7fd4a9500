import { MasterClient } from '../client/master-client.js';
import { plainMasterUrl } from '../client/master-url.js';
import type { LoadedConfig } from '../config/load.js';
import { escapeControlCharsInJson } from '../lib/text/strip-control-chars.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import { type BuildId, toId } from '../protocol/ids.js';
import { clustersOnThisMachine, masterOnThisMachine } from './build/request/master-on-this-machine.js';
import { type CommonOptions, createContext } from './context.js';
import { type Trust, trustOf } from './master-connection.js';
import { buildStores } from './ui/build-stores.js';

/** The options of subcommands that call a running master. */
export interface ReaderOptions extends CommonOptions {
  readonly masterUrl?: string;
  readonly json?: boolean;
}

/** Calls `use` with a client of the master that the options name, or of the one that runs on this machine. */
export async function withClient<T>(
  name: string,
  options: ReaderOptions,
  use: (client: MasterClient, masterUrl: string) => Promise<T>,
): Promise<T> {
  const { config, log } = createContext(name, options, {}, 'warn');
  const trust = trustOf(config, log);
  const url =
    options.masterUrl ?? (await masterOnThisMachine(config, trust)) ?? (await onlyCluster(config, trust));
  const client = new MasterClient({ url, ...trust, timeoutSeconds: config.defaultHttpTimeout });
  try {
    return await use(client, plainMasterUrl(url));
  } finally {
    await client.close();
  }
}

/**
 * The URL of the cluster of the `build` command that runs here.
 * @throws ClusterRunnerError MASTER_UNREACHABLE where there is none, USAGE where there are several
 */
async function onlyCluster(config: LoadedConfig, trust: Trust): Promise<string> {
  const [url, ...others] = await clustersOnThisMachine(config, trust);
  if (url === undefined) {
    const past = buildStores(config.baseDirectory).length > 0 ? '; `clusterrunner ui` shows past builds' : '';
    throw new ClusterRunnerError(
      'MASTER_UNREACHABLE',
      `No master is running on this machine; say where it is with --master-url${past}.`,
    );
  }
  if (others.length > 0) {
    throw new ClusterRunnerError(
      'USAGE',
      `Several builds run here, each with a cluster of its own; name one with --master-url: ${[url, ...others].join(', ')}.`,
    );
  }
  return url;
}

/** @throws ClusterRunnerError USAGE */
export function parseNumber(text: string, what: string, minimum: number): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= minimum)) {
    throw new ClusterRunnerError(
      'USAGE',
      `"${text}" is not the number of ${what}; give a whole number from ${minimum}.`,
    );
  }
  return number;
}

export function parseBuildId(text: string): BuildId {
  return toId.build(parseNumber(text, 'a build', 1));
}

export function printJson(value: unknown): void {
  process.stdout.write(`${escapeControlCharsInJson(JSON.stringify(value, null, 2))}\n`);
}
