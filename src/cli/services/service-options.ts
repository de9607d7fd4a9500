import type { LoadedConfig } from '../../config/load.js';
import { systemClock } from '../../lib/clock.js';
import type { SlaveOptions } from '../../slave/slave.js';

/** The options of a slave that `clusterrunner slave` and a cluster of one command share. */
export function slaveOptionsOf({ slave, gitStrictHostKeyChecking }: LoadedConfig) {
  return {
    gitStrictHostKeyChecking,
    workspacesKept: slave.workspacesKept,
    reuseShells: slave.reuseShells,
    dependencyCacheMaxBytes: slave.dependencyCacheMaxBytes,
    remoteFileLimits: slave,
    env: process.env,
    redact: slave.redact ?? [],
    clock: systemClock,
    random: Math.random,
  } satisfies Partial<SlaveOptions>;
}
