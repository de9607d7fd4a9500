import { notCached } from '../../protocol/build/cached-atom.js';
import { integer, nullable, oneOf, type Row, real, text } from './engine/columns.js';

/*
 * The columns of the tables. Times are milliseconds since the epoch unless said otherwise.
 */

export const builds = {
  id: integer,
  /** BuildRequest as JSON. */
  request: text,
  state: oneOf('QUEUED', 'PREPARING', 'BUILDING', 'FINISHED', 'CANCELED', 'ERROR'),
  /** JSON of {state: seconds since the epoch}. */
  timestamps: text,
  /** NamedJob as JSON; null until prepared. */
  job: nullable(text),
  commit_hash: nullable(text),
  /** Revision as JSON; null until prepared, and where it is not known. */
  revision: nullable(text),
  num_atoms: nullable(integer),
  num_subjobs: nullable(integer),
  /** The number of executors that its grouping was made for; null until prepared. */
  planned_executors: nullable(integer),
  /** Duration in seconds that its grouping assumed for atoms without history; null: none was assumed. */
  assumed_seconds: nullable(real),
  /** The digest of the surroundings of the slave that prepared it; null when its job caches no atoms. */
  surroundings: nullable(text),
  /** Written when it begins. */
  num_atoms_cached: integer,
  /** The next six are written when the build ends; before that they are counted from the other tables. */
  num_subjobs_done: integer,
  num_atoms_done: integer,
  num_atoms_failed: integer,
  num_atoms_lost: integer,
  num_atoms_flaky: integer,
  /** ResultFacts of all atoms as JSON; null where there are none, and while the build runs. */
  facts: nullable(text),
  error_message: nullable(text),
  /** Why it is being ended early, if it is. */
  stopping: nullable(text),
  /** The state in which it then ends; null beside a `stopping` from before this column means CANCELED. */
  stopping_state: nullable(oneOf('CANCELED', 'ERROR')),
  /** null while it runs. */
  ended_at: nullable(integer),
  /** The preparation's task, as in `subjobs`. */
  attempt: integer,
  lease_id: nullable(integer),
  losses: text,
  /** The part of the request that lists show, as JSON. */
  listed_request: text,
  /** Affected as JSON; null where the request names no changed files. */
  affected: nullable(text),
  /** JSON list of the atoms that changed files affect and that are to run first. */
  affected_atoms: nullable(text),
};
export type BuildRow = Row<typeof builds>;

export const subjobs = {
  build_id: integer,
  subjob_id: integer,
  /**
   * QUEUED, LEASED: as in domain/lease. DONE: delivered. LOST: failed after too many losses. CUT: it had been leased
   * when its build ended, and was not delivered. CACHED: its atoms count as passed without a run, so it was never leased.
   */
  state: oneOf('QUEUED', 'LEASED', 'DONE', 'LOST', 'CUT', 'CACHED'),
  num_atoms: integer,
  /** Seconds. */
  expected_time: nullable(real),
  /** Seconds: how far its time may be off, as a standard deviation. */
  expected_deviation: nullable(real),
  /** How many leases were ever taken of this subjob. */
  attempt: integer,
  /** The lease that holds it, of two the first; the one that delivered its result; or the last one. CACHED: the preparation's. */
  lease_id: nullable(integer),
  /** JSON list of the names of slaves that were lost with it. */
  losses: text,
  error: nullable(text),
  /** ResultIndex of the accepted archive as JSON. */
  result_index: nullable(text),
};
export type SubjobRow = Row<typeof subjobs>;

export const atoms = {
  build_id: integer,
  atom_id: integer,
  subjob_id: integer,
  variable: text,
  value: text,
  /** INTERRUPTED: it was running, or had been when its slave was lost, when its build ended. It has no verdict. */
  state: oneOf('NOT_STARTED', 'IN_PROGRESS', 'COMPLETED', 'INTERRUPTED'),
  exit_code: nullable(integer),
  /** Seconds. */
  expected_time: nullable(real),
  /** Seconds, as in `subjobs`. */
  expected_deviation: nullable(real),
  /** Seconds. */
  actual_time: nullable(real),
  /**
   * The final verdict: null before there is one, 0 passed, 1 failed; 1 without an exit code: lost. An atom that is
   * COMPLETED without it has a reported verdict: it counts if the build ends before a later attempt gives another.
   */
  failed: nullable(integer),
  /** How often it was run again because it failed. */
  num_retries: integer,
  /** The subjob in which it failed first, if it was run again; `subjob_id` is the one in which it runs now. */
  first_subjob_id: nullable(integer),
  /** ResultFacts as JSON; null where there are none. */
  facts: nullable(text),
  /** The lease whose report set `state`; null before the first report. */
  lease_id: nullable(integer),
  /** When the report arrived that its last run had begun; null when no such report came before that of its end. */
  began_at: nullable(integer),
  /** When its last run began, as measured by its slave; null from slaves that do not measure it: then `began_at` counts. */
  started_at: nullable(integer),
  /** Seconds of its earlier runs, each of which failed and was followed by another one: the time lost to retries. */
  retried_seconds: real,
  /** The group of its last failure: a key in `failure_groups`, or one without lines; null for a lost atom, and when unknown. */
  failure_key: nullable(text),
  /** The subjob that has the results of the reported verdict, when the atom runs again in another. */
  kept_subjob_id: nullable(integer),
  /** Identifies runs with the same verdict, see PassKeyParts; null in a job that caches no atoms, and where there is none. */
  pass_key: nullable(text),
  /** The run that it was taken from, if it is cached; that build may have been deleted since. */
  cached_build_id: nullable(integer),
  cached_atom_id: nullable(integer),
  /** Why it was not cached; null if it was, and in a job that caches no atoms. */
  not_cached: nullable(oneOf(...notCached)),
};

/** Groups of failed atoms whose output ends alike. */
export const failureGroups = {
  build_id: integer,
  /** Digest of what the last lines of their outputs have in common. */
  key: text,
  /** The last lines of the first of them, as printed. */
  lines: text,
};

/**
 * Runs of atoms that failed and were to be followed by another one. One whose number is that of the last run of its atom
 * was not followed: the other one gave no verdict.
 */
export const retriedRuns = {
  build_id: integer,
  atom_id: integer,
  /** From 0. The last run of an atom has the number `num_retries`. */
  run: integer,
  lease_id: nullable(integer),
  /** As in `atoms`, or else when the report arrived that it had begun; runs with neither are not kept. */
  started_at: integer,
  /** Seconds. */
  actual_time: real,
};

/** Every lease that was ever given, also those that have ended. */
export const leases = {
  id: integer,
  build_id: integer,
  /** null: the build's preparation. */
  subjob_id: nullable(integer),
  attempt: integer,
  slave_id: integer,
  /** BUILD_EXECUTOR_INDEX. */
  executor_index: nullable(integer),
  /** EXECUTOR_INDEX: the executor of the slave that worked on it; null for preparations, and where it was not reported. */
  slave_executor: nullable(integer),
  /** When that executor began to set up the build, or to wait for the setup; null if it need not, or did not report it. */
  setup_began_at: nullable(integer),
  /** How long that took. */
  setup_seconds: nullable(real),
  /** The slave names it in its reports; empty in a lease from before tokens. */
  token: text,
  state: oneOf('HELD', 'DELIVERED', 'HANDED_BACK', 'LOST', 'CANCELED'),
  taken_at: integer,
  ended_at: nullable(integer),
};
export type LeaseRow = Row<typeof leases>;

export const slaves = {
  id: integer,
  /** Drawn at random by the slave's process: the same instance is the same slave. */
  instance: text,
  name: text,
  url: nullable(text),
  num_executors: integer,
  version: text,
  /** See PROTOCOL. */
  protocol: integer,
  state: oneOf('CONNECTED', 'GONE'),
  /** 1 when it is to finish its work and leave. */
  draining: integer,
  /** When `state` was last written. */
  changed_at: integer,
};
export type SlaveRow = Row<typeof slaves>;

export const timings = {
  project: text,
  job: text,
  atom: text,
  /** Exponentially smoothed duration of the runs in which the atom passed. */
  seconds: real,
  /** Variance of these durations, smoothed in the same way; in square seconds. */
  variance: real,
  /** Number of these runs; 1 in rows from before the column `variance`. */
  count: integer,
  updated_at: integer,
};

/** The runs of one atom with one key. */
export const recordedPasses = {
  /** See passScopes. */
  scope: text,
  /** See historyName. */
  atom: text,
  key: text,
  /** The newest run that passed at the first try of its build; these three are null when there is none. */
  build_id: nullable(integer),
  atom_id: nullable(integer),
  passed_at: nullable(integer),
  /** The newest run that failed. */
  failed_at: nullable(integer),
  /** The newer one of the two. */
  noted_at: integer,
};

/** Averages of each minute. */
export const minuteLoads = {
  /** Minutes since the epoch. */
  minute: integer,
  executors: real,
  busy: real,
  waiting: real,
};

/** A job of a project, as builds of it were recorded. Never deleted before its builds and atoms. */
export const jobs = {
  id: integer,
  /** See projectKey. */
  project: text,
  name: text,
  /** JSON list of the variables that its atoms set, as of its last whole build. */
  atom_variables: text,
  /** All that were ever recorded. */
  num_builds: integer,
  /** Rows of `atom_histories`. */
  num_atoms: integer,
  last_build_id: integer,
  /** These three are of its newest builds, and null where those say nothing; see summaryOf. */
  pass_rate: nullable(real),
  p50_seconds: nullable(real),
  p95_seconds: nullable(real),
};
export type JobRow = Row<typeof jobs>;

/** A build that has ended, which may have been deleted since. */
export const jobBuilds = {
  job_id: integer,
  build_id: integer,
  state: oneOf('FINISHED', 'CANCELED', 'ERROR'),
  /** 1 when its request named the atoms. */
  is_partial: integer,
  created_at: integer,
  /** When its preparation began last; null when it never did. */
  started_at: nullable(integer),
  ended_at: integer,
  /** null when it was not prepared. */
  num_atoms: nullable(integer),
  num_done: integer,
  num_failed: integer,
  num_lost: integer,
  num_flaky: integer,
  /** Spent on runs of atoms that failed and were repeated; summed up while its atoms are recorded. */
  retry_seconds: real,
  /** Names the code that it ran: builds with the same text ran the same. null when that is not known. */
  code: nullable(text),
  commit_hash: nullable(text),
  branch: nullable(text),
  subject: nullable(text),
  has_changes: nullable(integer),
  requested_by: nullable(text),
};
export type JobBuildRow = Row<typeof jobBuilds>;

/** The runs of one atom in the builds of its job; see AtomHistory. */
export const atomHistories = {
  id: integer,
  job_id: integer,
  /** See historyName. */
  name: text,
  runs: integer,
  failures: integer,
  flaky: integer,
  retry_seconds: real,
  recent_retry_seconds: real,
  flakiness: real,
  slowness: integer,
  /** A build, and the minute of its end since the epoch. */
  failing_since: nullable(integer),
  failing_since_minute: nullable(integer),
  /** The same as `failing_since` for an atom that has passed before; null for any other. */
  broken_since: nullable(integer),
  last_passed: nullable(integer),
  first_seen: integer,
  first_seen_minute: integer,
  /** The newest week in which it ran: days since the epoch, divided by seven. A day would change more often. */
  last_week: integer,
  /** See packRuns. */
  newest_runs: text,
  /** See packDays. */
  days: text,
};
export type AtomHistoryRow = Row<typeof atomHistories>;

/** Ended builds that are not in the history yet, or not completely. */
export const unrecordedBuilds = {
  build_id: integer,
  is_partial: integer,
  /** null until it is in `job_builds`. */
  job_id: nullable(integer),
  /** Atoms below this id are recorded. */
  next_atom: integer,
};
export type UnrecordedBuild = Row<typeof unrecordedBuilds>;

export const nonces = {
  /** Seconds since the epoch. */
  expires: integer,
  /** JSON list of some that expire then. */
  nonces: text,
};

export const events = {
  id: integer,
  time: integer,
  kind: text,
  /** JSON object. */
  data: text,
};
export type EventRow = Row<typeof events>;
