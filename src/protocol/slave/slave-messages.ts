import { type Static, Type } from '@sinclair/typebox';
import { GivenAtomSchema } from '../build/build.js';
import { JobDefinitionSchema, NamedJobSchema } from '../build/job.js';
import { ProjectSchema, RemoteFileSchema } from '../build/project.js';
import { RevisionSchema } from '../build/revision.js';
import {
  AtomIdSchema,
  AttemptSchema,
  BuildIdSchema,
  LeaseIdSchema,
  SlaveIdSchema,
  SubjobIdSchema,
} from '../ids.js';
import { ReportedFactsSchema } from '../results/result-facts.js';
import { ResultIndexSchema } from '../results/result-index.js';
import { ResultLimitsSchema } from '../results/result-limits.js';
import { literals, Nullable } from '../shapes.js';

/*
 * What a slave and the master say to each other. The slave always speaks first.
 *
 *   register ──► work (long poll, always one open) ──► prepared | preparation_failed
 *                    │                            └──► progress* ──► result | handback
 *                    └──► … ──► goodbye
 *
 * Every report names its lease and attempt. The master answers STALE_LEASE when that lease is over, and the
 * slave then drops the work; SLAVE_UNKNOWN tells it to register again. Reports may be sent again after a
 * broken connection: the second one changes nothing and is answered like the first.
 */

const closed = { additionalProperties: false };

/** What a report must name so that a slave whose lease was given to another cannot be believed. */
export const LeaseRefSchema = Type.Object(
  {
    lease_id: LeaseIdSchema,
    attempt: AttemptSchema,
    /** Drawn at random for each lease: only the slave that it was given to can name it, and so report on it. */
    token: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  },
  closed,
);
export type LeaseRef = Static<typeof LeaseRefSchema>;

/** Drawn by the slave's process. */
const InstanceSchema = Type.String({ minLength: 8, maxLength: 64 });

export const RegisterSchema = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: 255,
      description: 'Shown to people: the name of its machine.',
    }),
    /** Drawn once per process: registering again with it is the same slave, and gives the same id. */
    instance: InstanceSchema,
    num_executors: Type.Integer({ minimum: 1, maximum: 10_000 }),
    url: Type.Union([Type.String(), Type.Null()], { description: "The slave's own read-only API, if any." }),
    version: Type.String(),
    /** See PROTOCOL; 1 unless given. */
    protocol: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
    /** The process before in the same directory, which is dead: its leases are over, whatever their time. */
    replaces: Type.Optional(InstanceSchema),
  },
  // One of a newer version may say more, and is to be told that it is newer.
  { additionalProperties: true },
);
export type Register = Static<typeof RegisterSchema>;

export const RegisteredSchema = Type.Object(
  {
    slave_id: SlaveIdSchema,
    /** A lease that its slave did not renew for this long is over. Every signed word of the slave renews. */
    lease_seconds: Type.Number(),
  },
  closed,
);

const AtomsProgressSchema = Type.Array(
  Type.Object(
    {
      id: AtomIdSchema,
      state: Type.Union([Type.Literal('IN_PROGRESS'), Type.Literal('COMPLETED')]),
      exit_code: Type.Union([Type.Integer(), Type.Null()]),
      /** Seconds. */
      actual_time: Type.Union([Type.Number({ minimum: 0 }), Type.Null()]),
    },
    closed,
  ),
  { maxItems: 10_000 },
);

/** Progress of a subjob whose consoles have nothing new. */
export const SubjobProgressSchema = Type.Object(
  {
    build_id: BuildIdSchema,
    subjob_id: SubjobIdSchema,
    lease: LeaseRefSchema,
    atoms: AtomsProgressSchema,
  },
  closed,
);
export type SubjobProgress = Static<typeof SubjobProgressSchema>;

export const WorkRequestSchema = Type.Object(
  {
    /** As registered: a master whose store was replaced may have given the slave's number to another. */
    instance: InstanceSchema,
    free_executors: Type.Integer({ minimum: 0, maximum: 10_000 }),
    /** Executors that will soon be free, and have nothing to do next: they need not wait for an answer then. */
    ahead: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
    /** How long the master may hold the question when there is nothing to say. */
    wait_seconds: Type.Number({ minimum: 0, maximum: 60 }),
    /** Leases that the slave works on or still has to deliver. The master forgets a lease that it gave to
     *  this slave in an answer that never arrived by its absence here. */
    leases: Type.Array(LeaseRefSchema, { maxItems: 20_000 }),
    /** Number of this question, counted by the slave, and of those before it whose answers have not arrived yet:
     *  leases that these bring cannot be named above. */
    poll: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    open_polls: Type.Array(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }), { maxItems: 100 }),
    /** Builds for which the slave keeps a workspace. */
    builds: Type.Array(BuildIdSchema, { maxItems: 10_000 }),
    /** What happened since the last question, as far as it was not reported: of a lease that is over it says nothing. */
    progress: Type.Optional(Type.Array(SubjobProgressSchema, { maxItems: 10_000 })),
    /** Where its workspaces and results are. */
    free_disk_bytes: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    /** Files and folders that builds have left there and that cannot be removed; none unless given. */
    num_unremovable: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
    /** Why it takes no work for now, if it does not. */
    paused: Type.Optional(Type.String({ maxLength: 1000 })),
  },
  closed,
);
export type WorkRequest = Static<typeof WorkRequestSchema>;

const leased = { lease: LeaseRefSchema, build_id: BuildIdSchema };

/** Fetch the project, read its job, run the atomizers, report `prepared` or `preparation_failed`. */
export const PrepareAssignmentSchema = Type.Object(
  {
    kind: Type.Literal('prepare'),
    ...leased,
    project: ProjectSchema,
    remote_files: Type.Array(RemoteFileSchema),
    job_name: Type.Union([Type.String(), Type.Null()]),
    config: Type.Union([JobDefinitionSchema, Type.Null()]),
    atoms_override: Type.Union([Type.Array(GivenAtomSchema), Type.Null()]),
  },
  closed,
);

export const AssignedAtomSchema = Type.Object(
  { id: AtomIdSchema, variable: Type.String(), value: Type.String() },
  closed,
);

/** Run the atoms of one subjob, one after another, on one executor. */
export const RunAssignmentSchema = Type.Object(
  {
    kind: Type.Literal('run'),
    ...leased,
    subjob_id: SubjobIdSchema,
    /** For git, `hash` is the commit that the preparing slave resolved: all slaves run the same one. */
    project: ProjectSchema,
    remote_files: Type.Array(RemoteFileSchema),
    job: NamedJobSchema,
    /** Unique among the executors that work on this build at the moment. */
    build_executor_index: Type.Integer({ minimum: 0 }),
    atoms: Type.Array(AssignedAtomSchema, { minItems: 1 }),
    /** Of all its atoms together, by history; null without. */
    expected_seconds: Type.Union([Type.Number({ minimum: 0 }), Type.Null()]),
    limits: ResultLimitsSchema,
  },
  closed,
);

export const AssignmentSchema = Type.Union([PrepareAssignmentSchema, RunAssignmentSchema]);
export type PrepareAssignment = Static<typeof PrepareAssignmentSchema>;
export type RunAssignment = Static<typeof RunAssignmentSchema>;
export type Assignment = Static<typeof AssignmentSchema>;
export type AssignedAtom = Static<typeof AssignedAtomSchema>;

export const WorkResponseSchema = Type.Object(
  {
    assignments: Type.Array(AssignmentSchema),
    /** Leases named in the request that are over: end their processes, deliver nothing of them. */
    cancel: Type.Array(LeaseRefSchema),
    /** Leases named in the request whose build is being ended early: end their processes, then deliver what there is
     *  of them, or hand them back. */
    interrupt: Type.Optional(Type.Array(LeaseRefSchema)),
    /** Builds named in the request that need this slave no more: run their teardown, drop the workspace. */
    release: Type.Array(BuildIdSchema),
    /** True: take no more work, finish what runs, say goodbye and exit. */
    drain: Type.Boolean(),
  },
  closed,
);
export type WorkResponse = Static<typeof WorkResponseSchema>;

/** An atom as the atomizer listed it; the checkout's path in `value` is written as `$PROJECT_DIR`. */
export const ListedAtomSchema = Type.Object({ variable: Type.String(), value: Type.String() }, closed);
export type ListedAtom = Static<typeof ListedAtomSchema>;

export const PreparedSchema = Type.Object(
  {
    lease: LeaseRefSchema,
    job: NamedJobSchema,
    /** The commit that was checked out; null for a directory. */
    commit: Type.Union([Type.String(), Type.Null()]),
    /** What is tested, for people; absent where it is not known. */
    revision: Type.Optional(RevisionSchema),
    atoms: Type.Array(ListedAtomSchema),
  },
  closed,
);
export type Prepared = Static<typeof PreparedSchema>;

export const PreparationFailedSchema = Type.Object(
  { lease: LeaseRefSchema, error: Type.String({ minLength: 1, maxLength: 100_000 }) },
  closed,
);

/** A piece of a console holds no more than this. */
export const MAX_CONSOLE_PIECE_BYTES = 64 * 1024;

/** What has happened to atoms since the last progress report of this lease. */
export const ProgressSchema = Type.Object(
  {
    lease: LeaseRefSchema,
    atoms: AtomsProgressSchema,
    /** What running atoms have printed since. A slave that cannot keep up leaves some of it out. */
    consoles: Type.Array(
      Type.Object(
        {
          atom_id: AtomIdSchema,
          /** Of the console's bytes, where this piece begins; 0 starts the console anew. */
          offset: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
          /** Of the console's lines, how many end before this piece; given when what lies between it and the piece
           *  before is left out. */
          lines_before: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
          /** Base64 of the bytes. */
          content: Type.String({ maxLength: MAX_CONSOLE_PIECE_BYTES * 2, pattern: '^[A-Za-z0-9+/]*={0,2}$' }),
        },
        closed,
      ),
      { maxItems: 1000 },
    ),
  },
  closed,
);
export type Progress = Static<typeof ProgressSchema>;

export const AtomVerdictSchema = Type.Object(
  {
    id: AtomIdSchema,
    /** What bash would show in `$?`: 128 + the signal's number for an atom that a signal ended. */
    exit_code: Type.Integer(),
    /** Seconds. */
    actual_time: Type.Number({ minimum: 0 }),
    /** Where there is something to say. */
    facts: Type.Optional(ReportedFactsSchema),
  },
  closed,
);

/**
 * Head of a result. The body of `PUT …/result` is this report as JSON, its length in bytes given by the
 * query's `report_bytes`, and then the subjob's `tar.gz` to the end of the body, holding the atoms' folders, its tar
 * without the closing zero blocks, in blocks as `index` says. The script that reruns an atom is not in it: the master
 * writes that.
 */
export const ResultReportSchema = Type.Object(
  {
    lease: LeaseRefSchema,
    /** Those that have ended: all of the subjob, unless some are `unfinished`. */
    atoms: Type.Array(AtomVerdictSchema),
    /** Where they ran, for the scripts that rerun them: all else in these the master knows. */
    ran_in: Type.Object(
      {
        /** PROJECT_DIR. */
        project_directory: Type.String({ minLength: 1, maxLength: 4096, pattern: '^/[^\\u0000]*$' }),
        /** EXECUTOR_INDEX. */
        executor_index: Type.Integer({ minimum: 0, maximum: 10_000 }),
      },
      closed,
    ),
    /** Of a subjob that was ended early: the atoms without a verdict. */
    unfinished: Type.Optional(
      Type.Array(
        Type.Object(
          {
            id: AtomIdSchema,
            /** Seconds for which it had run when it was ended; null: it had not begun. */
            ran_for: Type.Union([Type.Number({ minimum: 0 }), Type.Null()]),
          },
          closed,
        ),
      ),
    ),
    index: ResultIndexSchema,
  },
  closed,
);
export type ResultReport = Static<typeof ResultReportSchema>;

/** A lease that its slave returns without a verdict. */
export const ReturnedLeaseSchema = Type.Object(
  {
    lease: LeaseRefSchema,
    reason: Type.Union([
      /** `setup_build` exited non-zero; `output` is the end of what it printed. */
      Type.Literal('setup_failed'),
      /** The project could not be fetched here, or a command could not be started at all. */
      Type.Literal('could_not_run'),
      /** It was taken ahead, and its executor does not come free as was expected. */
      Type.Literal('not_begun'),
      /** The slave is stopping. */
      Type.Literal('stopping'),
    ]),
    output: Type.String({ maxLength: 100_000 }),
  },
  closed,
);
export type ReturnedLease = Static<typeof ReturnedLeaseSchema>;
export type ReturnReason = ReturnedLease['reason'];

/**
 * CONNECTED: it works, or waits for work. SICK: it gets none for now, because too much went wrong on it in a row, or
 * because it says that it can take none (its disk is full). DRAINING: it finishes what it runs, and leaves. GONE: it
 * has left, or was not heard any more.
 */
export const slaveState = ['CONNECTED', 'SICK', 'DRAINING', 'GONE'] as const;

/** What `GET /v1/slave` shows of a slave. */
export const SlaveSchema = Type.Object(
  {
    id: SlaveIdSchema,
    name: Type.String(),
    url: Type.Union([Type.String(), Type.Null()]),
    num_executors: Type.Integer(),
    num_executors_in_use: Type.Integer(),
    state: literals(slaveState),
    reason: Nullable(Type.String({ description: 'Why a SICK slave gets no work.' })),
    free_disk_bytes: Nullable(Type.Integer({ description: 'Where its workspaces and results are.' })),
    num_unremovable: Type.Integer({
      description:
        'Files and folders that ended builds have left there and that cannot be removed; its log and its own API say where.',
    }),
    current_builds: Type.Array(BuildIdSchema),
    current_build_id: Nullable(BuildIdSchema),
    is_alive: Type.Boolean({ description: 'Whether it is not GONE.' }),
    is_in_shutdown_mode: Type.Boolean({ description: 'Whether it takes no more work and leaves.' }),
    session_id: Type.String({ description: "Of the slave's process." }),
    version: Type.String(),
    last_seen: Type.Number({ description: 'Seconds since the epoch.' }),
  },
  closed,
);
export type Slave = Static<typeof SlaveSchema>;
