import type { LoadedConfig } from '../../config/load.js';
import { systemClock } from '../../lib/clock.js';
import type { SlaveOptions } from '../../slave/slave.js';
import type { ServeMasterOptions } from './serve-master.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** The options of a master that `clusterrunner master` and a cluster of one command take from the configuration. */
export function masterOptionsOf({ master }: LoadedConfig) {
  return {
    readAccess: master.readAccess,
    acceptBodyDigest: master.acceptBodyDigest,
    limits: {
      connections: master.maxConnections,
      headerBytes: master.maxHeaderKilobytes * KIB,
      headersSeconds: master.headerTimeout,
      bodySeconds: master.bodyTimeout,
      jsonBytes: master.maxBodyMegabytes * MIB,
      unprovedBytes: master.maxUnprovedBodyMegabytes * MIB,
      jsonDepth: master.maxJsonDepth,
      archiveBytes: master.maxResultGigabytes * KIB * MIB,
      requestsPerSlave: master.maxRequestsPerSlave,
      readsPerAddress: master.maxReadsPerAddress,
      unreadBytes: master.maxUnreadMegabytes * MIB,
      unreadSeconds: master.unreadTimeout,
      failedSignatures: master.maxFailedSignatures,
    },
    leaseSeconds: master.unresponsiveSlavesCleanupInterval,
    retention: { buildsKept: master.buildsKept, daysKept: master.resultsKeptDays },
    maxPackBytes: master.packsMaxMib * MIB,
    maxZipBytes: master.zipsMaxMib * MIB,
    resultBounds: {
      artifactBytesPerAtom: master.artifactsMaxMibPerAtom * MIB,
      artifactFilesPerAtom: master.artifactsMaxFilesPerAtom,
      consoleBytesPerAtom: master.consoleMaxMibPerAtom * MIB,
      archiveBytes: master.maxResultGigabytes * KIB * MIB,
      bytesPerBuild: master.resultsMaxMibPerBuild * MIB,
    },
    endGraceSeconds: master.endGrace,
  } satisfies Partial<ServeMasterOptions>;
}

/** The options of a slave that `clusterrunner slave` and a cluster of one command share. */
export function slaveOptionsOf({ slave, gitStrictHostKeyChecking }: LoadedConfig) {
  return {
    strictHostKeyChecking: gitStrictHostKeyChecking,
    workspacesKept: slave.workspacesKept,
    reuseShells: slave.reuseShells,
    dependencyCacheMaxBytes: slave.dependencyCacheMaxMib * MIB,
    remoteFileLimits: {
      maxBytes: slave.remoteFileMaxMib * MIB,
      timeoutSeconds: slave.remoteFilesTimeout,
    },
    env: process.env,
    redact: slave.redact ?? [],
    clock: systemClock,
    random: Math.random,
  } satisfies Partial<SlaveOptions>;
}
