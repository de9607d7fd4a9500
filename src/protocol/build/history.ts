import { type Static, Type } from '@sinclair/typebox';
import { AtomIdSchema, BuildIdSchema, JobIdSchema } from '../ids.js';
import { literals, Nullable } from '../shapes.js';

/*
 * The history: builds of a job and runs of its atoms, as they are kept after the builds are deleted. Times are seconds since the
 * epoch, days are those of UTC.
 */

/** So many of the newest runs of an atom are kept. */
export const RUNS_KEPT = 50;

const closed = { additionalProperties: false };
const Count = (description: string) => Type.Integer({ description });
const Day = Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\d$', description: 'Year, month and day.' });
const retrySeconds = Type.Number({
  description: 'Seconds that were spent on runs of atoms that failed and were repeated.',
});

export const JobBuildSchema = Type.Object(
  {
    build_id: BuildIdSchema,
    retained: Type.Boolean({ description: 'Whether the build still exists.' }),
    state: literals(['FINISHED', 'CANCELED', 'ERROR'] as const),
    result: literals(['SUCCESS', 'FAILURE'] as const),
    is_partial: Type.Boolean({
      description: 'Whether its request named the atoms to run, as that of a rerun does.',
    }),
    created_at: Type.Number(),
    started_at: Nullable(Type.Number({ description: 'When its preparation began; null if it never did.' })),
    ended_at: Type.Number(),
    seconds: Nullable(Type.Number({ description: 'From the start of its preparation to its end.' })),
    num_atoms: Nullable(Type.Integer()),
    num_atoms_done: Count('Atoms with a verdict.'),
    num_atoms_failed: Count('Atoms that failed, with those that were lost.'),
    num_atoms_lost: Count('Failed atoms that never ended because their slaves were lost.'),
    num_atoms_flaky: Count('Atoms that failed, and passed when they were run again.'),
    retry_seconds: retrySeconds,
    commit: Nullable(Type.String()),
    branch: Nullable(Type.String()),
    subject: Nullable(Type.String({ description: "First line of the commit's message." })),
    has_changes: Nullable(Type.Boolean({ description: 'Whether tested files differed from the commit.' })),
    requested_by: Nullable(Type.String()),
  },
  closed,
);
export type JobBuild = Static<typeof JobBuildSchema>;

const summary = {
  pass_rate: Nullable(
    Type.Number({
      description:
        'The part of the builds that succeeded, from 0 to 1, without those that were canceled or partial; null when there are none.',
    }),
  ),
  p50_seconds: Nullable(Type.Number({ description: 'Median of `seconds` of whole FINISHED builds.' })),
  p95_seconds: Nullable(Type.Number({ description: 'Their 95th percentile.' })),
};

export const JobSchema = Type.Object(
  {
    id: JobIdSchema,
    project: Type.String({
      description: 'Identifies the project: the URL of its repository or its folder, without credentials.',
    }),
    name: Type.String(),
    atom_variables: Type.Array(Type.String(), { description: 'Variables that its atoms set.' }),
    num_builds: Count('Builds that were ever recorded.'),
    num_atoms: Count('Atoms whose runs are kept.'),
    ...summary,
    last_build: Nullable(JobBuildSchema),
  },
  { ...closed, description: 'The next three are of its newest 50 builds.' },
);
export type Job = Static<typeof JobSchema>;

export const JobDaySchema = Type.Object(
  {
    day: Day,
    num_builds: Count('Builds that ended on that day, with partial ones.'),
    num_passed: Type.Integer(),
    num_failed: Type.Integer(),
    num_canceled: Type.Integer(),
    ...summary,
    retry_seconds: retrySeconds,
  },
  closed,
);
export type JobDay = Static<typeof JobDaySchema>;

export const JobTrendSchema = Type.Object(
  {
    ...JobSchema.properties,
    num_atoms_flaky: Count('Atoms with a flakiness above 0.'),
    num_atoms_failing: Count('Atoms that failed in the last build in which they ran.'),
    days: Type.Array(JobDaySchema, { description: 'Days with builds, oldest first.' }),
  },
  closed,
);
export type JobTrend = Static<typeof JobTrendSchema>;

const BuildMomentSchema = Type.Object(
  { build_id: BuildIdSchema, at: Type.Number({ description: 'When that build ended, to the minute.' }) },
  closed,
);

export const AtomRunSchema = Type.Object(
  {
    build_id: BuildIdSchema,
    atom_id: AtomIdSchema,
    retained: Type.Boolean({ description: 'Whether the build still exists.' }),
    outcome: literals(['PASSED', 'FAILED', 'LOST'] as const),
    flaky: Type.Boolean({ description: 'Whether it failed first, and passed when it was run again.' }),
    seconds: Nullable(
      Type.Number({ description: 'Duration of its last run in that build, with three digits.' }),
    ),
    at: Type.Number({ description: 'When the build ended, to the minute.' }),
  },
  closed,
);
export type AtomRunInBuild = Static<typeof AtomRunSchema>;

export const AtomHistorySchema = Type.Object(
  {
    name: Type.String({ description: '`VARIABLE=value`; very long names are shortened.' }),
    runs: Count('Builds since `first_seen` in which it passed or failed.'),
    failures: Count('Those in which it failed.'),
    flaky: Count('Those in which it failed first, and passed when it was run again.'),
    flakiness: Type.Number({
      description:
        'The part of the runs in `last`, from 0 to 1, in which it failed although its code was good: it passed when it was run again, or in another build of the same commit. Lost atoms do not count.',
    }),
    p50_seconds: Nullable(
      Type.Number({
        description: 'Median duration in `last` of the runs that passed, or of all if none has.',
      }),
    ),
    p95_seconds: Nullable(Type.Number({ description: 'Their 95th percentile.' })),
    retry_seconds: retrySeconds,
    recent_retry_seconds: Type.Number({ description: 'The same on the newest 30 days on which it ran.' }),
    failing_since: Nullable(BuildMomentSchema, {
      description: 'The first build in which it failed since it passed last; null if it passed last.',
    }),
    last_passed: Nullable(BuildIdSchema, { description: 'The last build in which it passed.' }),
    first_seen: BuildMomentSchema,
    last: Type.Array(AtomRunSchema, { description: `The newest ${RUNS_KEPT} runs, oldest first.` }),
  },
  closed,
);
export type JobAtom = Static<typeof AtomHistorySchema>;

const AtomDaySchema = Type.Object(
  {
    day: Day,
    runs: Type.Integer(),
    failures: Type.Integer(),
    flaky: Type.Integer(),
    retry_seconds: retrySeconds,
  },
  closed,
);

export const AtomHistoryWithDaysSchema = Type.Object(
  {
    ...AtomHistorySchema.properties,
    days: Type.Array(AtomDaySchema, { description: 'The newest 30 days on which it ran, oldest first.' }),
  },
  closed,
);
export type AtomHistoryWithDays = Static<typeof AtomHistoryWithDaysSchema>;

/**
 * Orders of the atoms of a job. flaky lists those with a flakiness above 0, and failing those that failed when they ran last.
 * newly_failing lists those of them that have passed before, and retry_seconds those that were repeated lately.
 */
export const historyOrder = [
  'name',
  'slowest',
  'flaky',
  'failing',
  'newly_failing',
  'retry_seconds',
] as const;
export type HistoryOrder = (typeof historyOrder)[number];
