import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { jobFileNames, readJob } from '../../../job/read-job.js';
import {
  type BuildRequest,
  BuildRequestSchema,
  type GivenAtom,
  GivenAtomSchema,
} from '../../../protocol/build/build.js';
import {
  type JobDefinition,
  JobDefinitionSchema,
  type RunOrder,
  runOrder,
} from '../../../protocol/build/job.js';
import { ClusterRunnerError, messageOf } from '../../../protocol/errors.js';
import { readRemoteFilePair } from '../../remote-file-pairs.js';

export interface RequestOptions {
  readonly jobName?: string;
  readonly remoteFile?: readonly string[];
  readonly url?: string;
  readonly branch?: string;
  readonly hash?: string;
  readonly remote?: string;
  readonly projectDirectory?: string;
  readonly priority?: string;
  readonly order?: string;
  readonly speculative?: boolean;
  /** A branch, tag or commit. */
  readonly since?: string;
  readonly affected?: boolean;
  /** false: every atom runs. */
  readonly cache?: boolean;
  /** JSON: a job's definition, or definitions by job name. */
  readonly config?: string;
  /** JSON: a list. */
  readonly atomsOverride?: string;
}

/** The fields of a request that every kind of build may have. */
type Extras = Pick<
  BuildRequest,
  | 'remote_files'
  | 'priority'
  | 'order'
  | 'speculative'
  | 'only_affected'
  | 'cache'
  | 'config'
  | 'atoms_override'
>;

const AtomsSchema = Type.Array(GivenAtomSchema);

const GIT_ONLY = ['branch', 'hash', 'remote'] as const;
const OF_A_REQUEST = [
  'jobName',
  'url',
  'projectDirectory',
  'priority',
  'order',
  'speculative',
  'since',
  'affected',
  'config',
  'atomsOverride',
  ...GIT_ONLY,
] as const;

/** The request of a command line, as far as it can be known before the master is. */
export type PreparedRequest =
  | { readonly from: 'remote'; readonly request: BuildRequest }
  | {
      readonly from: 'local';
      /** Absolute. */
      readonly directory: string;
      readonly more: Pick<BuildRequest, 'job_name'> & Extras;
      /** The commit since which changed files are found in the checkout; null for none. */
      readonly since: string | null;
      /** Whether a snapshot is sent; 'elsewhere': if the master is on another machine and the folder is in a checkout. */
      readonly snapshot: 'always' | 'elsewhere' | 'never';
    };

/**
 * Without a type, `build --url …` is a git build, and `build` one of the current project: a snapshot of it, or a directory
 * that slaves have.
 * @throws ClusterRunnerError USAGE, JOB_INVALID
 */
export async function prepareRequest(
  type: string | undefined,
  options: RequestOptions,
  cwd: string,
): Promise<PreparedRequest> {
  const extras = extrasOf(options);
  switch (type ?? (options.url === undefined ? undefined : 'git')) {
    case 'git':
      return { from: 'remote', request: { ...gitRequest(options), ...extras } };
    case 'directory':
      return { ...(await prepareLocal(options, cwd, extras)), snapshot: 'never' };
    case 'snapshot':
      return { ...(await prepareLocal(options, cwd, extras)), snapshot: 'always' };
    case undefined:
      return { ...(await prepareLocal(options, cwd, extras)), snapshot: 'elsewhere' };
    default:
      throw new ClusterRunnerError(
        'USAGE',
        `"${type}" is not a type of build; give git, directory or snapshot.`,
      );
  }
}

/** A rerun takes everything else from the earlier build. @throws ClusterRunnerError USAGE */
export function requireNothingElse(type: string | undefined, options: RequestOptions): void {
  const isElse = options.cache === false || OF_A_REQUEST.some((name) => options[name] !== undefined);
  if (type !== undefined || isElse || (options.remoteFile ?? []).length > 0) {
    throw new ClusterRunnerError(
      'USAGE',
      '--rerun-failed takes project, job, files and order from that build; leave out what names them.',
    );
  }
}

function gitRequest(options: RequestOptions): BuildRequest {
  if (options.url === undefined) {
    throw new ClusterRunnerError('USAGE', 'A git build needs the repository: give --url.');
  }
  return {
    type: 'git',
    // A slave finds out whether the file in the repository has one job only.
    job_name: options.jobName ?? null,
    url: options.url,
    ...(options.branch === undefined ? {} : { branch: options.branch }),
    ...(options.hash === undefined ? {} : { hash: options.hash }),
    ...(options.remote === undefined ? {} : { remote: options.remote }),
    ...(options.since === undefined ? {} : { since: options.since }),
    ...(options.projectDirectory === undefined ? {} : { project_directory: options.projectDirectory }),
  };
}

async function prepareLocal(
  options: RequestOptions,
  cwd: string,
  extras: Extras,
): Promise<Omit<PreparedRequest & { from: 'local' }, 'snapshot'>> {
  for (const name of GIT_ONLY) {
    if (options[name] !== undefined) {
      throw new ClusterRunnerError('USAGE', `--${name} is for git builds: give --url too, or leave it out.`);
    }
  }
  if (options.url !== undefined) {
    throw new ClusterRunnerError('USAGE', '--url is for git builds: say git, or leave it out.');
  }
  const directory =
    options.projectDirectory === undefined ? projectAbove(cwd) : resolve(cwd, options.projectDirectory);
  const job = extras.config === undefined ? await jobName(options, directory) : options.jobName;
  const more = { ...(job === undefined ? {} : { job_name: job }), ...extras };
  return { from: 'local', directory, more, since: options.since ?? null };
}

/** The nearest folder at or above `cwd` with a clusterrunner.yaml; `cwd` where none has. */
function projectAbove(cwd: string): string {
  for (let directory = cwd; ; directory = dirname(directory)) {
    if (jobFileNames.some((name) => existsSync(join(directory, name)))) {
      return directory;
    }
    if (directory === dirname(directory)) {
      return cwd;
    }
  }
}

/** The jobs of a folder that only slaves have (on a disk that is not mounted here) cannot be read. */
async function jobName(options: RequestOptions, directory: string): Promise<string> {
  const here = statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!here && options.jobName !== undefined) {
    return options.jobName;
  }
  return (await readJob(directory, options.jobName ?? null)).name;
}

function extrasOf(options: RequestOptions): Extras {
  const { remoteFile = [], priority, order, speculative, affected, cache, config, atomsOverride } = options;
  if (affected === true && (options.since === undefined || atomsOverride !== undefined)) {
    throw new ClusterRunnerError(
      'USAGE',
      options.since === undefined
        ? '--affected needs the commit since which files have changed: give --since too.'
        : '--affected and --atoms-override both choose the atoms; leave one of them out.',
    );
  }
  return {
    ...(config === undefined ? {} : { config: configOf(config, options.jobName) }),
    ...(atomsOverride === undefined ? {} : { atoms_override: atomsOf(atomsOverride) }),
    ...remoteFilesOf(remoteFile),
    ...(priority === undefined ? {} : { priority: priorityOf(priority) }),
    ...(order === undefined ? {} : { order: orderOf(order) }),
    ...(speculative === undefined ? {} : { speculative }),
    ...(affected === undefined ? {} : { only_affected: affected }),
    ...(cache === false ? { cache } : {}),
  };
}

/** @throws ClusterRunnerError USAGE */
function configOf(text: string, job: string | undefined): JobDefinition {
  const given = readJsonOption('--config', text);
  const named =
    job !== undefined && typeof given === 'object' && given !== null && Object.hasOwn(given, job)
      ? new Map(Object.entries(given)).get(job)
      : given;
  if (!Value.Check(JobDefinitionSchema, named)) {
    throw new ClusterRunnerError(
      'USAGE',
      '--config must be the JSON of a job, {"commands": ["…"], "atomizers": [{"VARIABLE": "…"}]}, or of jobs by their names with --job-name.',
    );
  }
  return named;
}

/** @throws ClusterRunnerError USAGE */
function atomsOf(text: string): GivenAtom[] {
  const given = readJsonOption('--atoms-override', text);
  if (!Value.Check(AtomsSchema, given)) {
    throw new ClusterRunnerError(
      'USAGE',
      '--atoms-override must be a JSON list of values, or of objects like {"VARIABLE": "value"}.',
    );
  }
  return given;
}

function readJsonOption(option: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ClusterRunnerError('USAGE', `${option} is not JSON: ${messageOf(error)}.`, { cause: error });
  }
}

function priorityOf(text: string): number {
  const { minimum, maximum } = BuildRequestSchema.properties.priority;
  const priority = /^-?\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (minimum === undefined || maximum === undefined || !(priority >= minimum && priority <= maximum)) {
    throw new ClusterRunnerError(
      'USAGE',
      `--priority must be a whole number from ${minimum} to ${maximum}, not "${text}".`,
    );
  }
  return priority;
}

function orderOf(text: string): RunOrder {
  const order = runOrder.find((one) => one === text);
  if (order === undefined) {
    throw new ClusterRunnerError('USAGE', `--order must be ${runOrder.join(' or ')}, not "${text}".`);
  }
  return order;
}

function remoteFilesOf(words: readonly string[]): Pick<BuildRequest, 'remote_files'> {
  if (words.length === 0) {
    return {};
  }
  const files: Record<string, string> = {};
  for (const word of words) {
    const pair = readRemoteFilePair(word);
    if (pair === null) {
      throw new ClusterRunnerError(
        'USAGE',
        '--remote-file takes two words: the name of the file, then its URL.',
      );
    }
    if (Object.hasOwn(files, pair.name)) {
      throw new ClusterRunnerError(
        'USAGE',
        `Two remote files are to be named ${pair.name}; give each its own name.`,
      );
    }
    files[pair.name] = pair.url;
  }
  return { remote_files: files };
}
