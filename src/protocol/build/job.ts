import { type Static, Type } from '@sinclair/typebox';
import { literals } from '../shapes.js';
import { CacheSchema, InputsSchema, MAX_PATH, VARIABLE_NAME } from './job-inputs.js';

const Lines = (description: string, minItems = 0) =>
  Type.Array(Type.Union([Type.String(), Type.Null()]), { description, minItems });

/** A number with its unit. */
export const DURATION_TEXT = '^\\d{1,9}(\\.\\d{1,3})?[smh]$';
/** A week. A longer timeout would be as good as none. */
export const MAX_DURATION_SECONDS = 7 * 24 * 60 * 60;

const Duration = (description: string) =>
  Type.Union(
    [
      Type.Number({ exclusiveMinimum: 0, maximum: MAX_DURATION_SECONDS }),
      Type.String({ pattern: DURATION_TEXT }),
    ],
    { description: `${description} Seconds, or text like 90s, 10m, 2h; at most a week.` },
  );

/**
 * longest: atoms that may take longest come first, so that the build ends early. likely_failures: those that are likely to
 * fail come before them, so that the first failure is known early.
 */
export const runOrder = ['longest', 'likely_failures'] as const;
export type RunOrder = (typeof runOrder)[number];

/** The attribute of a report that names an atom; docs/batches.md describes each. */
export const batchMatch = ['file', 'classname', 'suite'] as const;
export type BatchMatch = (typeof batchMatch)[number];

export const MAX_BATCH_SIZE = 1000;

export const BatchSchema = Type.Object(
  {
    size: Type.Integer({
      minimum: 2,
      maximum: MAX_BATCH_SIZE,
      description: 'How many atoms one run of the commands takes at most.',
    }),
    match: literals(batchMatch, {
      description:
        'What names an atom in the JUnit reports: the `file` of a test case or of a suite around it, the `classname` of a test case, or the name of a suite around it.',
    }),
  },
  { additionalProperties: false },
);
export type BatchDefinition = Static<typeof BatchSchema>;

const Globs = (minItems: number, description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: MAX_PATH }), { minItems, maxItems: 1000, description });

const AffectsRuleSchema = Type.Object(
  {
    paths: Globs(1, 'Patterns for changed files, relative to the folder of clusterrunner.yaml.'),
    atoms: Globs(0, 'Patterns for the values of the atoms that these files affect; empty: none.'),
  },
  { additionalProperties: false },
);
export type AffectsRule = Static<typeof AffectsRuleSchema>;

/**
 * One job: the sections below a job's name in `clusterrunner.yaml`, and the `config` of a build request.
 * Lists of shell lines may hold nulls (an empty `-` in YAML), which are skipped.
 */
export const JobDefinitionSchema = Type.Object(
  {
    commands: Lines('Shell lines, run for every atom.', 1),
    atomizers: Type.Array(
      Type.Record(Type.String({ pattern: VARIABLE_NAME }), Type.String(), {
        additionalProperties: false,
        minProperties: 1,
      }),
      {
        description: 'Each entry is VARIABLE: shell command; each line of its output is an atom.',
        minItems: 1,
      },
    ),
    setup_build: Type.Optional(Lines('Run once on each slave before its first atom of a build.')),
    teardown_build: Type.Optional(Lines('Run once on each slave after its last atom of a build.')),
    inputs: Type.Optional(InputsSchema),
    cache: Type.Optional(CacheSchema),
    worker: Type.Optional(
      Lines('Shell lines that start the worker of an executor, which runs atoms instead of the commands.', 1),
    ),
    recycle_after: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'A worker is replaced after so many atoms; unless given, never.',
      }),
    ),
    batch: Type.Optional(BatchSchema),
    max_executors: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Executors that the build may hold at once.' }),
    ),
    max_executors_per_slave: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Executors that the build may hold at once on one slave.' }),
    ),
    retries: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 10, description: 'How often a failed atom is run again.' }),
    ),
    max_retries: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          'How many atoms are run again in the whole build; unless given, a tenth of them and at least 10.',
      }),
    ),
    order: Type.Optional(
      literals(runOrder, {
        description:
          'Which atoms run first: those that may take longest, or those that are likely to fail; the longest unless given.',
      }),
    ),
    affects: Type.Optional(
      Type.Array(AffectsRuleSchema, {
        maxItems: 1000,
        description: 'Which atoms changed files affect, for builds that know the changed files.',
      }),
    ),
    speculative: Type.Optional(
      Type.Boolean({
        description:
          'Whether a subjob that takes far too long may start a second time on another slave; false also keeps what a slave that does not respond holds from others.',
      }),
    ),
    atom_timeout: Type.Optional(
      Duration('An atom that runs for longer is ended, with all of its processes, and fails.'),
    ),
    build_timeout: Type.Optional(
      Duration('A build with unfinished atoms after this time is canceled; its preparation does not count.'),
    ),
  },
  { additionalProperties: false },
);
export type JobDefinition = Static<typeof JobDefinitionSchema>;

export const NamedJobSchema = Type.Object(
  { name: Type.String({ minLength: 1 }), definition: JobDefinitionSchema },
  { additionalProperties: false },
);
export type NamedJob = Static<typeof NamedJobSchema>;
