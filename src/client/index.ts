/** The package's library: the typed client of the master's API. */

export type { Build, BuildRequest, BuildState, BuildStatus } from '../protocol/build/build.js';
export type { ConsoleMatch, ConsoleSearch } from '../protocol/build/console-search.js';
export type { Explanation } from '../protocol/build/explanation.js';
export type { FailureGroup } from '../protocol/build/failure-group.js';
export type {
  AtomHistoryWithDays,
  AtomRunInBuild,
  Job,
  JobAtom,
  JobBuild,
  JobDay,
  JobTrend,
} from '../protocol/build/history.js';
export type { JobDefinition } from '../protocol/build/job.js';
export type { Atom, ConsolePage } from '../protocol/build/work.js';
export { ClusterRunnerError, type ErrorCode } from '../protocol/errors.js';
export type { Event } from '../protocol/event.js';
export { type AtomId, type BuildId, type SlaveId, type SubjobId, toId } from '../protocol/ids.js';
export type { Slave } from '../protocol/slave/slave-messages.js';
export type { CallOptions } from './call.js';
export type { FollowEventsOptions } from './event-stream.js';
export {
  type ConsoleQuery,
  type ConsoleSearchQuery,
  type JobAtomsQuery,
  type JobsQuery,
  MasterClient,
  type MasterClientOptions,
  type PageQuery,
  type Watched,
  type WatchQuery,
} from './master-client.js';
export { type RetryOptions, retry } from './retry.js';
