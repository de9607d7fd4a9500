import { Connection } from '../../../client/connection.js';
import type { LoadedConfig } from '../../../config/load.js';
import { isLoopback } from '../../../lib/net/host-names.js';
import { ClusterRunnerError, type ErrorCode } from '../../../protocol/errors.js';
import { routes } from '../../../protocol/routes.js';
import { configuredMasterUrl, type Trust } from '../../master-connection.js';
import { type RunningService, runningServices } from '../../services/services.js';

const PATIENCE_SECONDS = 2;

/** Errors that only a master responds with. */
const ONLY_FROM_MASTERS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'UNAUTHENTICATED',
  'CLOCK_SKEWED',
  'TOO_MANY_REQUESTS',
]);

/**
 * The URL of the master to use when none is named; null when there is none. The order of preference:
 * - the configured one, if that is on another machine
 * - a running one of this base directory
 * - one on this machine's port for masters
 */
export async function masterOnThisMachine(config: LoadedConfig, trust: Trust): Promise<string | null> {
  if (config.isExplicit('slave.master_hostname') && !isThisMachine(config)) {
    return configuredMasterUrl(config);
  }
  const noted = portsOf(config, 'master');
  const configured = config.isExplicit('slave.master_port') ? [config.slave.masterPort] : [];
  for (const port of new Set([...noted, ...configured, config.master.port])) {
    const url = masterUrlAt(config, port);
    if (await isMaster(url, trust)) {
      return url;
    }
  }
  return null;
}

/** The URL of the master of this machine that listens on a port. Certificates are for names. */
export function masterUrlAt({ httpsCertFile, hostname }: LoadedConfig, port: number): string {
  return httpsCertFile === null ? `http://127.0.0.1:${port}` : `https://${hostname}:${port}`;
}

/**
 * The URLs of the clusters of single `build` commands on this machine, which end with their command.
 */
export async function clustersOnThisMachine(config: LoadedConfig, trust: Trust): Promise<string[]> {
  const urls = portsOf(config, 'cluster').map((port) => `http://127.0.0.1:${port}`);
  const responding = await Promise.all(urls.map((url) => isMaster(url, trust)));
  return urls.filter((_, index) => responding[index]);
}

function portsOf({ baseDirectory }: LoadedConfig, wanted: RunningService['kind']): number[] {
  return runningServices(baseDirectory).flatMap(({ kind, port }) =>
    kind === wanted && port !== null ? [port] : [],
  );
}

/** Existing configurations have `master_hostname = localhost`, and mean no particular master. */
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
      // Nothing listens there, or another program, unless the error is one of a master that refuses the request.
      return ONLY_FROM_MASTERS.has(error.code);
    }
    throw error;
  } finally {
    await connection.close();
  }
}
