import { type Static, Type } from '@sinclair/typebox';
import { BuildRequestSchema, GivenAtomSchema } from '../build/build.js';
import { JobDefinitionSchema, NamedJobSchema } from '../build/job.js';
import { InputsSchema } from '../build/job-inputs.js';
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
import {
  AffectedAtomsSchema,
  Began,
  LastLines,
  PreparedInputsSchema,
  SetupTimeSchema,
  SlaveExecutor,
  SurroundingsDigest,
  SurroundingsSchema,
  TakesSchema,
} from './optional-reports.js';
import { MAX_WORK_SHOWN, SlaveWorkSchema, slaveState } from './slave-list.js';

/*
 * The messages between a slave and the master. The slave sends every request.
 *
 *   register ──► work (long poll, always one open) ──► prepared | preparation_failed
 *                    │                            └──► progress* ──► result | returned lease
 *                    └──► … ──► goodbye
 *
 * Every report names its lease and attempt. The master responds with STALE_LEASE when that lease has ended, and the slave
 * then drops the work; with SLAVE_UNKNOWN it has to register again. Reports may be repeated after a broken connection: the
 * second one changes nothing and gets the same response.
 */

const closed = { additionalProperties: false };

/** Identifies a lease in reports, so that reports under an ended lease are refused. */
export const LeaseRefSchema = Type.Object(
  {
    lease_id: LeaseIdSchema,
    attempt: AttemptSchema,
    /** Drawn at random for each lease, so that only the slave that holds the lease can report on it. */
    token: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  },
  closed,
);
export type LeaseRef = Static<typeof LeaseRefSchema>;

/** Drawn at random by the slave's process. */
const InstanceSchema = Type.String({ minLength: 8, maxLength: 64 });

export const RegisterSchema = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: 255,
      description: 'The name of its machine, for people.',
    }),
    /** Drawn once per process. Registering again with it returns the same id. */
    instance: InstanceSchema,
    num_executors: Type.Integer({ minimum: 1, maximum: 10_000 }),
    url: Type.Union([Type.String(), Type.Null()], { description: "The slave's own read-only API, if any." }),
    version: Type.String(),
    /** See PROTOCOL; 1 unless given. */
    protocol: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
    /** The instance of a dead process that used the same directory. Its leases end at once. */
    replaces: Type.Optional(InstanceSchema),
  },
  // A slave of a newer version may send more fields, and must get the message that it is newer.
  { additionalProperties: true },
);
export type Register = Static<typeof RegisterSchema>;

export const RegisteredSchema = Type.Object(
  {
    slave_id: SlaveIdSchema,
    /** A lease ends when its slave sends no signed request for this long. */
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
      began: Began,
      last_lines: LastLines,
    },
    closed,
  ),
  { maxItems: 10_000 },
);

/** Progress of a subjob without new console output. */
export const SubjobProgressSchema = Type.Object(
  {
    build_id: BuildIdSchema,
    subjob_id: SubjobIdSchema,
    lease: LeaseRefSchema,
    atoms: AtomsProgressSchema,
    executor_index: SlaveExecutor,
  },
  closed,
);
export type SubjobProgress = Static<typeof SubjobProgressSchema>;

export const WorkRequestSchema = Type.Object(
  {
    /** As registered: a master with a replaced store may have given the slave's id to another. */
    instance: InstanceSchema,
    free_executors: Type.Integer({ minimum: 0, maximum: 10_000 }),
    /** Executors that will soon be free and have no next work yet; with work in advance they need not wait for a response. */
    ahead: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
    /** How long the master may hold the request while it has nothing to send. */
    wait_seconds: Type.Number({ minimum: 0, maximum: 60 }),
    /** Leases that the slave works on or still has to deliver. A lease that is absent here was in a response that never
     *  arrived, and the master ends it. */
    leases: Type.Array(LeaseRefSchema, { maxItems: 20_000 }),
    /** Number of this poll request, counted by the slave, and the numbers of earlier ones without a response yet: leases
     *  in those responses cannot be named above. */
    poll: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    open_polls: Type.Array(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }), { maxItems: 100 }),
    /** Builds for which the slave keeps a workspace. */
    builds: Type.Array(BuildIdSchema, { maxItems: 10_000 }),
    /** Progress since the last poll request that was not reported otherwise, of leases that have not ended. */
    progress: Type.Optional(Type.Array(SubjobProgressSchema, { maxItems: 10_000 })),
    /** On the disk of its workspaces and results. */
    free_disk_bytes: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    /** Files and folders of builds on that disk that cannot be removed; 0 unless given. */
    num_unremovable: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
    /** Why it takes no work at present, if it does not. */
    paused: Type.Optional(Type.String({ maxLength: 1000 })),
  },
  closed,
);
export type WorkRequest = Static<typeof WorkRequestSchema>;

const leased = { lease: LeaseRefSchema, build_id: BuildIdSchema };

/** The slave fetches the project, reads its job, runs the atomizers, and reports `prepared` or `preparation_failed`. */
export const PrepareAssignmentSchema = Type.Object(
  {
    kind: Type.Literal('prepare'),
    ...leased,
    project: ProjectSchema,
    remote_files: Type.Array(RemoteFileSchema),
    job_name: Type.Union([Type.String(), Type.Null()]),
    config: Type.Union([JobDefinitionSchema, Type.Null()]),
    atoms_override: Type.Union([Type.Array(GivenAtomSchema), Type.Null()]),
    /** Fields of the request about the changed files. */
    changes: Type.Optional(
      Type.Pick(BuildRequestSchema, ['since', 'changed_files', 'only_affected'], closed),
    ),
    /** The inputs of a `config` that caches atoms; `config` is without them, since older slaves would refuse it. */
    inputs: Type.Optional(InputsSchema),
    takes: TakesSchema,
  },
  closed,
);

export const AssignedAtomSchema = Type.Object(
  { id: AtomIdSchema, variable: Type.String(), value: Type.String() },
  closed,
);

/** The slave runs the atoms of one subjob, one after another, on one executor. */
export const RunAssignmentSchema = Type.Object(
  {
    kind: Type.Literal('run'),
    ...leased,
    subjob_id: SubjobIdSchema,
    /** For git, `hash` is the commit that the preparing slave resolved: all slaves run the same one. */
    project: ProjectSchema,
    remote_files: Type.Array(RemoteFileSchema),
    /** Without cached atoms, since older slaves would refuse it. */
    job: NamedJobSchema,
    /** If its atoms are cached: what to report of the surroundings in which they ran. */
    surroundings: Type.Optional(SurroundingsSchema),
    /** Unique among the executors that work on this build at the moment. */
    build_executor_index: Type.Integer({ minimum: 0 }),
    atoms: Type.Array(AssignedAtomSchema, { minItems: 1 }),
    /** The expected duration of all its atoms together; null without history. */
    expected_seconds: Type.Union([Type.Number({ minimum: 0 }), Type.Null()]),
    limits: ResultLimitsSchema,
    takes: TakesSchema,
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
    /** Leases named in the request that have ended: the slave ends their processes and delivers nothing. */
    cancel: Type.Array(LeaseRefSchema),
    /** Leases named in the request whose build is being ended early: the slave ends their processes, then delivers their
     *  results so far or returns them. */
    interrupt: Type.Optional(Type.Array(LeaseRefSchema)),
    /** Builds named in the request that no longer need this slave: it runs their teardown and drops the workspace. */
    release: Type.Array(BuildIdSchema),
    /** True: the slave takes no more work, finishes its leases, says goodbye and exits. */
    drain: Type.Boolean(),
  },
  closed,
);
export type WorkResponse = Static<typeof WorkResponseSchema>;

/** An atom as the atomizer listed it, with `$PROJECT_DIR` for the path of the checkout in `value`. */
export const ListedAtomSchema = Type.Object({ variable: Type.String(), value: Type.String() }, closed);
export type ListedAtom = Static<typeof ListedAtomSchema>;

export const PreparedSchema = Type.Object(
  {
    lease: LeaseRefSchema,
    job: NamedJobSchema,
    /** The commit that was checked out; null for a directory. */
    commit: Type.Union([Type.String(), Type.Null()]),
    /** The tested version, for people; absent where it is not known. */
    revision: Type.Optional(RevisionSchema),
    atoms: Type.Array(ListedAtomSchema),
    affected: Type.Optional(AffectedAtomsSchema),
    /** If the job caches its atoms. */
    inputs: Type.Optional(PreparedInputsSchema),
  },
  closed,
);
export type Prepared = Static<typeof PreparedSchema>;

export const PreparationFailedSchema = Type.Object(
  { lease: LeaseRefSchema, error: Type.String({ minLength: 1, maxLength: 100_000 }) },
  closed,
);

/** Largest piece of a console in one report. */
export const MAX_CONSOLE_PIECE_BYTES = 64 * 1024;

/** Progress of atoms since the last progress report of this lease. */
export const ProgressSchema = Type.Object(
  {
    lease: LeaseRefSchema,
    atoms: AtomsProgressSchema,
    executor_index: SlaveExecutor,
    /** New console output of running atoms. A slave that cannot keep up leaves some of it out. */
    consoles: Type.Array(
      Type.Object(
        {
          atom_id: AtomIdSchema,
          /** Where this piece begins in the console, in bytes; 0 starts the console again. */
          offset: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
          /** The number of lines of the console that end before this piece; present if bytes between it and the previous
           *  piece are left out. */
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
    /** As in `$?` of bash: 128 + n for an atom that signal n ended. */
    exit_code: Type.Integer(),
    /** Seconds. */
    actual_time: Type.Number({ minimum: 0 }),
    began: Began,
    last_lines: LastLines,
    /** Absent if all facts are zero. */
    facts: Type.Optional(ReportedFactsSchema),
  },
  closed,
);

/**
 * Head of a result. The body of `PUT …/result` is this report as JSON, followed by the subjob's `tar.gz`. The query's
 * `report_bytes` is the length of the JSON in bytes. The archive holds the folders of the atoms, compressed in the blocks of
 * `index`, without the closing zero blocks of the tar. The scripts that rerun atoms are not in it, since the master writes them.
 */
export const ResultReportSchema = Type.Object(
  {
    lease: LeaseRefSchema,
    /** The atoms that have ended: all atoms of the subjob except `unfinished`. */
    atoms: Type.Array(AtomVerdictSchema),
    /** Where they ran, for the scripts that rerun them. The master knows everything else in these. */
    ran_in: Type.Object(
      {
        /** PROJECT_DIR. */
        project_directory: Type.String({ minLength: 1, maxLength: 4096, pattern: '^/[^\\u0000]*$' }),
        /** EXECUTOR_INDEX. */
        executor_index: Type.Integer({ minimum: 0, maximum: 10_000 }),
      },
      closed,
    ),
    /** The atoms without a verdict of a subjob that was ended early. */
    unfinished: Type.Optional(
      Type.Array(
        Type.Object(
          {
            id: AtomIdSchema,
            /** Seconds for which it had run when it was ended; null if it had not begun. */
            ran_for: Type.Union([Type.Number({ minimum: 0 }), Type.Null()]),
            began: Began,
          },
          closed,
        ),
      ),
    ),
    setup: Type.Optional(SetupTimeSchema),
    surroundings: SurroundingsDigest,
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
      /** It was taken in advance, and its executor did not become free as expected. */
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

/** A slave in `GET /v1/slave`. */
export const SlaveSchema = Type.Object(
  {
    id: SlaveIdSchema,
    name: Type.String(),
    shares_name: Type.Optional(
      Type.Boolean({ description: 'Whether another slave has the same name; absent if not.' }),
    ),
    url: Type.Union([Type.String(), Type.Null()]),
    num_executors: Type.Integer(),
    num_executors_in_use: Type.Integer(),
    state: literals(slaveState),
    reason: Nullable(Type.String({ description: 'Why a SICK or SUSPECT slave gets no work.' })),
    free_disk_bytes: Nullable(Type.Integer({ description: 'On the disk of its workspaces and results.' })),
    num_unremovable: Type.Integer({
      description:
        'Files and folders of ended builds on that disk that cannot be removed; its log and its own API list them.',
    }),
    current_builds: Type.Array(BuildIdSchema),
    current_build_id: Nullable(BuildIdSchema),
    is_alive: Type.Boolean({ description: 'Whether it is not GONE.' }),
    is_in_shutdown_mode: Type.Boolean({ description: 'Whether it is draining.' }),
    session_id: Type.String({ description: "Of the slave's process." }),
    version: Type.String(),
    last_seen: Type.Number({ description: 'Seconds since the epoch.' }),
    connected_since: Type.Optional(
      Type.Number({
        description: 'When it registered, or for a GONE one when it left; in seconds since the epoch.',
      }),
    ),
    work: Type.Optional(
      Type.Array(SlaveWorkSchema, {
        maxItems: MAX_WORK_SHOWN,
        description: `The work of its executors, oldest first; at most ${MAX_WORK_SHOWN}. Not in GET /v1.`,
      }),
    ),
  },
  closed,
);
export type Slave = Static<typeof SlaveSchema>;
