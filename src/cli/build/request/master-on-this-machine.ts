import { Connection } from '../../../client/connection.js';
import type { LoadedConfig } from '../../../config/load.js';
import { isLoopback } from '../../../lib/net/host-names.js';
import { ClusterRunnerError, type ErrorCode } from '../../../protocol/errors.js';
import { routes } from '../../../protocol/routes.js';
import { configuredMasterUrl, type Trust } from '../../master-connection.js';
import { runningServices, type Service } from '../../services/services.js';

const PATIENCE_SECONDS = 2;

/** What only a master says, though it says no. */
const OF_A_MASTER: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'UNAUTHENTICATED',
  'CLOCK_SKEWED',
  'TOO_MANY_REQUESTS',
]);

/**
 * The URL of the master that is used when none is named: the configured one when the configuration names one on
 * another machine, else one of this base directory that runs here, else one that listens on this machine's port for masters; null when there is
 * none.
 */
export async function masterOnThisMachine(config: LoadedConfig, trust: Trust): Promise<string | null> {
  if (config.isExplicit('slave.master_hostname') && !isThisMachine(config)) {
    return configuredMasterUrl(config);
  }
  const noted = portsOf(config, 'master');
  const configured = config.isExplicit('slave.master_port') ? [config.slave.masterPort] : [];
  for (const port of new Set([...noted, ...configured, config.master.port])) {
    // A certificate is for a name.
    const url =
      config.httpsCertFile === null ? `http://127.0.0.1:${port}` : `https://${config.hostname}:${port}`;
    if (await isMaster(url, trust)) {
      return url;
    }
  }
  return null;
}

/**
 * The URLs of clusters that run for one `build` each on this machine. Others may look on; they end with that command.
 */
export async function clustersOnThisMachine(config: LoadedConfig, trust: Trust): Promise<string[]> {
  const urls = portsOf(config, 'cluster').map((port) => `http://127.0.0.1:${port}`);
  const answering = await Promise.all(urls.map((url) => isMaster(url, trust)));
  return urls.filter((_, index) => answering[index]);
}

function portsOf({ baseDirectory }: LoadedConfig, wanted: Service['kind']): number[] {
  return runningServices(baseDirectory).flatMap(({ kind, port }) =>
    kind === wanted && port !== null ? [port] : [],
  );
}

/** Existing files say `master_hostname = localhost`, and mean no master in particular. */
function isThisMachine({ slave, hostname }: LoadedConfig): boolean {
  return ['localhost', hostname].includes(slave.masterHostname) || isLoopback(slave.masterHostname);
}

async function isMaster(url: string, trust: Trust): Promise<boolean> {
  const connection = new Connection({ url, ...trust, timeoutSeconds: PATIENCE_SECONDS });
  try {
    await connection.call(routes.version, { params: {}, body: undefined });
    return true;
  } catch (error) {
    if (error instanceof ClusterRunnerError) {
      // Nothing listens there, or something that does not speak our API, unless it is a master that refuses us.
      return OF_A_MASTER.has(error.code);
    }
    throw error;
  } finally {
    await connection.close();
  }
}
