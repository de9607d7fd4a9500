import type { LoadedConfig } from '../../config/load.js';
import type { CleanupStack } from '../../lib/async/cleanup-stack.js';
import type { Logger } from '../../lib/logger.js';
import { requireSqlite } from '../../master/store/engine/require-sqlite.js';
import type { Trust } from '../master-connection.js';
import { linkToken } from '../ui/page-link.js';
import type { ProgressDisplay } from './progress/progress-display.js';
import { masterOnThisMachine } from './request/master-on-this-machine.js';

export interface FoundMaster {
  readonly url: string;
  /** Whether it ends with this command. */
  readonly isLocal: boolean;
  /** Aborted, with a ClusterRunnerError, when it cannot go on. */
  readonly trouble: AbortSignal;
  /** For the link to its page; null for a master whose users have tokens of their own. */
  readonly linkToken: string | null;
}

/** Finds a running master, or starts one in this process. */
export async function findMaster(
  options: { readonly masterUrl?: string; readonly url?: string },
  config: LoadedConfig,
  trust: Trust,
  log: Logger,
  display: ProgressDisplay,
  cleanup: CleanupStack,
): Promise<FoundMaster> {
  const url = options.masterUrl ?? (await masterOnThisMachine(config, trust));
  if (url !== null) {
    return { url, isLocal: false, trouble: new AbortController().signal, linkToken: null };
  }
  if (config.isExplicit('general.slaves')) {
    log.warn(
      `The build runs on this machine alone: ${config.configFile} lists the slaves ${config.slaves.join(', ')}, but no master is running here. Start \`clusterrunner master\`, and \`clusterrunner slave\` on each of them, or name a master with --master-url.`,
    );
  } else if (options.url !== undefined) {
    // A repository without a checkout suggests that a cluster is expected.
    log.warn(
      'The build runs on this machine alone: no master is named, and none is running here. To run it on a cluster, name its master: --master-url http://HOST:43000.',
    );
  }
  requireSqlite();
  const { startLocalCluster } = await import('./local-cluster.js');
  const cluster = await startLocalCluster(config, log);
  cleanup.add(() => cluster.close());
  display.say(
    `No master is running on this machine; started one with ${cluster.numExecutors} executors for this build.`,
  );
  return {
    url: cluster.url,
    isLocal: true,
    trouble: cluster.trouble,
    linkToken: linkToken('control', cluster.linkSecret),
  };
}
