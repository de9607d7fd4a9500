import type { LoadedConfig } from '../../config/load.js';
import type { Limits } from '../../master/http/limits/limits.js';
import type { ResultBounds } from '../../master/state/result-bounds.js';

const KIB = 1024;
const MIB = 1024 * KIB;

export function limitsOf({ master }: LoadedConfig): Limits {
  return {
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
  };
}

export function resultBoundsOf({ master }: LoadedConfig): ResultBounds {
  return {
    artifactBytesPerAtom: master.artifactsMaxMibPerAtom * MIB,
    artifactFilesPerAtom: master.artifactsMaxFilesPerAtom,
    consoleBytesPerAtom: master.consoleMaxMibPerAtom * MIB,
    archiveBytes: master.maxResultGigabytes * KIB * MIB,
    bytesPerBuild: master.resultsMaxMibPerBuild * MIB,
  };
}
