import { type Static, Type } from '@sinclair/typebox';
import { BuildIdSchema, JobIdSchema } from '../ids.js';
import { resultFacts } from '../results/result-facts.js';
import { literals, Nullable } from '../shapes.js';
import { ActivitySchema } from './activity.js';
import { JobDefinitionSchema, runOrder } from './job.js';
import { RevisionSchema } from './revision.js';
import { AtomSchema } from './work.js';

/** Longer than any that systems accept: paths of 4096 on Linux, URLs of some 8000 in servers and browsers. */
const MAX_NAME = 8192;
const Text = (description: string) => Type.String({ minLength: 1, maxLength: MAX_NAME, description });

/** An atom in a request: its value, or {variable: value}, with `$PROJECT_DIR` for the path of the checkout. */
export const GivenAtomSchema = Type.Union([
  Type.String(),
  Type.Record(Type.String(), Type.String(), { minProperties: 1, maxProperties: 1 }),
]);
export type GivenAtom = Static<typeof GivenAtomSchema>;

/** More changed files than that are no help for choosing atoms. */
export const MAX_CHANGED_FILES = 10_000;

export const MAX_REQUESTER = 200;
export const RequesterSchema = Type.String({
  minLength: 1,
  maxLength: MAX_REQUESTER,
  description: 'Who requests the build, according to the client: shown to people, and never checked.',
});

/** Body of `POST /v1/build`, exactly as programs send it. */
export const BuildRequestSchema = Type.Object(
  {
    type: Type.Union([Type.Literal('git'), Type.Literal('directory'), Type.Literal('snapshot')], {
      description:
        'Where the project comes from: "git", "directory", or "snapshot" (see PUT /v1/pack/:commit).',
    }),
    job_name: Type.Optional(
      Nullable(
        Text('The job of clusterrunner.yaml to run, or null for its only one; optional with `config`.'),
      ),
    ),
    url: Type.Optional(Text('URL of the git repository; required for git.')),
    remote: Type.Optional(Text('The git remote name to fetch from; "origin" unless given.')),
    branch: Type.Optional(Text("Any git ref; the remote's HEAD unless given.")),
    hash: Type.Optional(
      Text('A commit on the remote that the checkout is reset hard to; snapshot: the commit of its bundle.'),
    ),
    project_directory: Type.Optional(
      Text(
        'directory: the folder to run in; git: the folder in the repository that holds clusterrunner.yaml.',
      ),
    ),
    config: Type.Optional(JobDefinitionSchema),
    atoms_override: Type.Optional(
      Type.Array(GivenAtomSchema, {
        description:
          "Atoms to run; the atomizers are then not run. A string is the value of the first one's variable, or shell " +
          'text that sets one, like `export TEST="a";`.',
      }),
    ),
    remote_files: Type.Optional(
      Type.Record(Type.String(), Type.String({ maxLength: MAX_NAME }), {
        // The pattern for keys does not match a line end, so the value of such a key would not be checked.
        additionalProperties: false,
        propertyNames: { maxLength: MAX_NAME },
        description: 'URIs to download into the workspace, {URI: output file name} or the other way round.',
      }),
    ),
    priority: Type.Optional(
      Type.Integer({
        minimum: -5,
        maximum: 5,
        description: 'Each step doubles the share of executors relative to other builds; 0 unless given.',
      }),
    ),
    order: Type.Optional(
      literals(runOrder, { description: 'Which atoms run first; the setting of the job unless given.' }),
    ),
    speculative: Type.Optional(
      Type.Boolean({
        description:
          'Whether a subjob that takes far too long may start a second time on another slave; the setting of the job unless given.',
      }),
    ),
    since: Type.Optional(
      Text('git: a branch, tag or commit; the files that have changed since then are the changed files.'),
    ),
    changed_files: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: MAX_NAME, pattern: '^[^\\n\\0]+$' }), {
        maxItems: MAX_CHANGED_FILES,
        description:
          'The changed files: paths relative to the folder of clusterrunner.yaml; those outside of it begin with `../`.',
      }),
    ),
    only_affected: Type.Optional(
      Type.Boolean({
        description:
          'Whether only the atoms run that the changed files affect; all run when a changed file may affect any atom.',
      }),
    ),
    cache: Type.Optional(
      Type.Boolean({
        description: 'false: every atom runs, although the job caches atoms; their passes are recorded.',
      }),
    ),
    revision: Type.Optional(RevisionSchema),
    requested_by: Type.Optional(RequesterSchema),
  },
  { additionalProperties: false },
);
export type BuildRequest = Static<typeof BuildRequestSchema>;

export const buildStatus = ['BUILDING', 'SUCCESS', 'FAILURE'] as const;
export type BuildStatus = (typeof buildStatus)[number];

/**
 * More precise than `status`. QUEUED: accepted, and not leased yet. PREPARING: a slave fetches the project and lists the
 * atoms. BUILDING: atoms are handed out. FINISHED: every atom has a verdict. CANCELED: a client canceled it, or it exceeded
 * its build_timeout; `error_message` says which. ERROR: it could not be prepared or set up. The last three are final.
 */
export const buildState = ['QUEUED', 'PREPARING', 'BUILDING', 'FINISHED', 'CANCELED', 'ERROR'] as const;
export type BuildState = (typeof buildState)[number];

export const AffectedSchema = Type.Object(
  {
    num_atoms: Type.Integer({ description: 'Atoms of the build that the changed files affect.' }),
    num_unaffected: Type.Integer({
      description:
        'Atoms of the job that the build does not run, since the changed files do not affect them.',
    }),
    uncovered: Nullable(Type.String(), {
      description:
        'A changed file that no rule of the job covers, and that may affect any atom; null when there is none.',
    }),
  },
  { additionalProperties: false },
);
export type Affected = Static<typeof AffectedSchema>;

export const BuildSchema = Type.Object(
  {
    id: BuildIdSchema,
    status: literals(buildStatus),
    state: literals(buildState),
    state_timestamps: Type.Record(Type.String(), Nullable(Type.Number()), {
      description:
        'When each state was entered, in seconds since the epoch. For older clients also in lower case, with null for ' +
        'states that were not entered.',
    }),
    result: Nullable(literals(['SUCCESS', 'FAILURE'] as const)),
    details: Type.String(),
    num_atoms: Nullable(Type.Integer()),
    atom_variables: Type.Array(Type.String(), {
      description: 'Variables that its atoms set; empty in lists, and until they are known.',
    }),
    num_subjobs: Nullable(Type.Integer()),
    num_atoms_done: Type.Integer({ description: 'Atoms with a verdict.' }),
    num_atoms_failed: Type.Integer({ description: 'Atoms that have failed so far.' }),
    num_atoms_lost: Type.Integer({
      description: 'Failed atoms that never ended because their slaves were lost.',
    }),
    num_atoms_flaky: Type.Integer({ description: 'Atoms that failed, and passed when they were run again.' }),
    num_atoms_cached: Type.Integer({
      description: 'Atoms that count as passed without a run, since they have passed with the same inputs.',
    }),
    num_executors: Type.Integer({
      description: 'Executors that work on this build now, without work that slaves have taken in advance.',
    }),
    seconds_left: Nullable(Type.Number({ description: 'Estimated time to the end.' })),
    failed_atoms: Nullable(Type.Array(AtomSchema)),
    flaky_atoms: Nullable(
      Type.Array(AtomSchema, {
        description: '`subjob_id` is that of the first failure, which is in the results.',
      }),
    ),
    interrupted_atoms: Nullable(
      Type.Array(AtomSchema, {
        description:
          'Atoms that were running when the build was ended, longest first; `error` says for how long.',
      }),
    ),
    ...resultFacts,
    artifacts: Nullable(Type.String({ description: "URL path of the archive of the build's results." })),
    error_message: Nullable(Type.String()),
    revision: Nullable(RevisionSchema),
    affected: Type.Optional(
      Nullable(AffectedSchema, {
        description:
          'The atoms that the changed files affect; null where the request names no changed files.',
      }),
    ),
    job_id: Type.Optional(
      Nullable(JobIdSchema, {
        description: 'Its job in the history; null until a build of that job has ended.',
      }),
    ),
    activity: Type.Optional(
      Nullable(ActivitySchema, {
        description: 'What runs now; null when the build has ended. Not in lists.',
      }),
    ),
    request_params: BuildRequestSchema,
  },
  { additionalProperties: false },
);
export type Build = Static<typeof BuildSchema>;
