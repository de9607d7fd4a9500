import type { Generated, Transaction } from 'kysely';
import type { BuildState } from '../../../protocol/build/build.js';
import type { Direct } from './direct.js';

/**
 * The tables as Kysely sees them. Times are milliseconds since the epoch unless said otherwise. What belongs to each
 * hand-out and result is written as text, and run directly: putting a statement together costs several times what it does.
 */
export interface Database {
  builds: BuildsTable;
  subjobs: SubjobsTable;
  atoms: AtomsTable;
  leases: LeasesTable;
  slaves: SlavesTable;
  timings: TimingsTable;
  nonces: NoncesTable;
  events: EventsTable;
}

/** What a step of a change writes to: the database within its transaction. */
export type Writable = Transaction<Database> & { readonly direct: Direct };

export interface BuildsTable {
  id: Generated<number>;
  /** BuildRequest as JSON. */
  request: string;
  state: BuildState;
  /** JSON of {state: seconds since the epoch}. */
  timestamps: string;
  /** NamedJob as JSON; null until prepared. */
  job: string | null;
  commit_hash: string | null;
  /** Revision as JSON; null until prepared, and where it is not known. */
  revision: string | null;
  num_atoms: number | null;
  num_subjobs: number | null;
  /** For how many executors its subjobs were made; null until prepared. */
  planned_executors: number | null;
  /** Seconds that its subjobs were made for of each atom without history; null: nothing was assumed. */
  assumed_seconds: number | null;
  /** The next five are written at the end; while the build runs the truth is counted from the rows. */
  num_subjobs_done: number;
  num_atoms_done: number;
  num_atoms_failed: number;
  num_atoms_lost: number;
  num_atoms_flaky: number;
  /** ResultFacts of all atoms as JSON; null where there is nothing to say, and while the build runs. */
  facts: string | null;
  error_message: string | null;
  /** Why it is being ended before its work, if it is. */
  stopping: string | null;
  /** The state in which it ends then; null with `stopping`: CANCELED, by a master that knew no other. */
  stopping_state: 'CANCELED' | 'ERROR' | null;
  /** null while it runs. */
  ended_at: number | null;
  /** The preparation's task, as in SubjobsTable. */
  attempt: number;
  lease_id: number | null;
  losses: string;
  /** The part of the request that lists show, as JSON. */
  listed_request: string;
}

/**
 * QUEUED, LEASED: as in domain/lease. DONE: delivered. LOST: failed after too many losses. CUT: it had been leased
 * when its build ended, and was not delivered.
 */
export type SubjobRowState = 'QUEUED' | 'LEASED' | 'DONE' | 'LOST' | 'CUT';

export interface SubjobsTable {
  build_id: number;
  subjob_id: number;
  state: SubjobRowState;
  num_atoms: number;
  /** Seconds. */
  expected_time: number | null;
  /** Seconds: how far its time may be off, as a standard deviation. */
  expected_deviation: number | null;
  /** How many leases were ever taken of this subjob. */
  attempt: number;
  /** The one that holds it, of two the first; that brought its result; or the last one. */
  lease_id: number | null;
  /** JSON list of the names of slaves that were lost with it. */
  losses: string;
  error: string | null;
  /** ResultIndex of the accepted archive as JSON. */
  result_index: string | null;
}

/** INTERRUPTED: it was running, or had been when its slave was lost, when its build ended. It has no verdict. */
export type AtomRowState = 'NOT_STARTED' | 'IN_PROGRESS' | 'COMPLETED' | 'INTERRUPTED';

export interface AtomsTable {
  build_id: number;
  atom_id: number;
  subjob_id: number;
  variable: string;
  value: string;
  state: AtomRowState;
  exit_code: number | null;
  /** Seconds. */
  expected_time: number | null;
  /** Seconds, as in SubjobsTable. */
  expected_deviation: number | null;
  /** Seconds. */
  actual_time: number | null;
  /**
   * The final verdict: null before it is there, 0 passed, 1 failed; 1 without an exit code: lost. An atom that is
   * COMPLETED without it has a reported verdict: it counts if the build ends before a later attempt gives another.
   */
  failed: number | null;
  /** How often it was run again because it failed. */
  num_retries: Generated<number>;
  /** The subjob in which it failed first, if it was run again; `subjob_id` is the one in which it runs now. */
  first_subjob_id: number | null;
  /** ResultFacts as JSON; null where there is nothing to say. */
  facts: string | null;
  /** The lease whose report set `state`; null before the first report. */
  lease_id: number | null;
  /** When it was last reported to begin. */
  began_at: number | null;
  /** The subjob that has the results of the reported verdict, when the atom runs again in another. */
  kept_subjob_id: number | null;
}

export type LeaseRowState = 'HELD' | 'DELIVERED' | 'HANDED_BACK' | 'LOST' | 'CANCELED';

/** Every lease that was ever given, also those that are over. */
export interface LeasesTable {
  id: number;
  build_id: number;
  /** null: the build's preparation. */
  subjob_id: number | null;
  attempt: number;
  slave_id: number;
  executor_index: number | null;
  /** That its slave names; empty in one from before tokens. */
  token: Generated<string>;
  state: LeaseRowState;
  taken_at: number;
  ended_at: number | null;
}

export interface SlavesTable {
  id: Generated<number>;
  /** Drawn by the slave's process: the same one means the same slave. */
  instance: string;
  name: string;
  url: string | null;
  num_executors: number;
  version: string;
  /** See PROTOCOL. */
  protocol: Generated<number>;
  state: 'CONNECTED' | 'GONE';
  /** 1 when it was told to finish what it runs, and leave. */
  draining: Generated<number>;
  /** When `state` was written last. */
  changed_at: number;
}

export interface TimingsTable {
  project: string;
  job: string;
  atom: string;
  /** Smoothed over the runs in which the atom passed. */
  seconds: number;
  /** Of these runs, smoothed alike; in square seconds. */
  variance: number;
  /** How many runs there were; of a database from before the variance, 1. */
  count: number;
  updated_at: number;
}

export interface NoncesTable {
  /** Seconds since the epoch. */
  expires: number;
  /** JSON list of some that expire then. */
  nonces: string;
}

export interface EventsTable {
  id: Generated<number>;
  time: number;
  kind: string;
  /** JSON object. */
  data: string;
}
