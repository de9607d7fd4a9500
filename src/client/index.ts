/** What `import … from 'clusterrunner'` gives: the typed client of the master's API. */

export type { Build, BuildRequest, BuildState, BuildStatus } from '../protocol/build.js';
export { ClusterRunnerError, type ErrorCode } from '../protocol/errors.js';
export type { CallOptions } from './call.js';
export { MasterClient, type MasterClientOptions } from './master-client.js';
export { type RetryOptions, retry } from './retry.js';
