import { isAbsolute } from 'node:path';
import { Value } from '@sinclair/typebox/value';
import { maskCredentials } from '../lib/text/mask-credentials.js';
import { textStart } from '../lib/text/text-ends.js';
import type { BuildRequest, GivenAtom } from '../protocol/build/build.js';
import type { JobDefinition } from '../protocol/build/job.js';
import type { Project, RemoteFile } from '../protocol/build/project.js';
import { CommitSchema } from '../protocol/bundle.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import type { PrepareAssignment } from '../protocol/slave/slave-messages.js';
import { variableProblem } from './command-environment.js';
import { isCommandString, readCommandString } from './command-string.js';
import { normalizeRemoteFiles } from './normalize-remote-files.js';
import { definitionProblem } from './yaml/definition-problem.js';

const GIT_ONLY = ['url', 'remote', 'branch', 'hash'] as const;

/**
 * Checks what the schema of the request does not.
 * @throws ClusterRunnerError INVALID_REQUEST, naming the field
 */
export function checkRequest(request: BuildRequest): { project: Project; remoteFiles: RemoteFile[] } {
  if (request.job_name === undefined && request.config === undefined) {
    throw invalid(
      'job_name is missing: name the job of clusterrunner.yaml to run, send null for its only one, or send it as config.',
    );
  }
  if (request.config !== undefined) {
    checkConfig(request.config);
  }
  checkAtoms(request.atoms_override ?? []);
  checkChanges(request);
  return { project: projectOf(request), remoteFiles: normalizeRemoteFiles(request.remote_files ?? {}) };
}

/** The atoms of a request; shell text (`export T="2";`) is turned into variable and value. */
export function givenAtoms(atoms: readonly GivenAtom[]): GivenAtom[] {
  return atoms.map((atom) => {
    const read = typeof atom === 'string' ? readCommandString(atom) : null;
    return read === null ? atom : { [read.variable]: read.value };
  });
}

/** @throws ClusterRunnerError INVALID_REQUEST for shell text that only a shell could evaluate */
function checkAtoms(atoms: readonly GivenAtom[]): void {
  for (const atom of givenAtoms(atoms)) {
    if (typeof atom === 'string' && isCommandString(atom)) {
      throw invalid(
        `atoms_override: ${JSON.stringify(textStart(atom, 100))} cannot be read without a shell; send {"VARIABLE": "value"} instead.`,
      );
    }
    for (const variable of typeof atom === 'string' ? [] : Object.keys(atom)) {
      const problem = variableProblem(variable);
      if (problem !== null) {
        throw invalid(`atoms_override: the variable "${variable}" ${problem}.`);
      }
    }
  }
}

/** @throws ClusterRunnerError INVALID_REQUEST */
function checkChanges(request: BuildRequest): void {
  const { type, since, changed_files, only_affected, atoms_override } = request;
  if (since !== undefined && type !== 'git') {
    throw invalid('since is for builds of type "git"; send changed_files, a list of paths, instead.');
  }
  if (since !== undefined && changed_files !== undefined) {
    throw invalid('since and changed_files exclude each other; send one of them.');
  }
  if (only_affected === true && since === undefined && changed_files === undefined) {
    throw invalid('only_affected needs the changed files: send since or changed_files too.');
  }
  if (only_affected === true && atoms_override !== undefined) {
    throw invalid(
      'only_affected and atoms_override exclude each other: both choose the atoms; send one of them.',
    );
  }
}

/** The fields of a request about changed files, by which atoms are chosen; null where there are none, or the atoms are given. */
export function changesOf({
  since,
  changed_files,
  only_affected,
  atoms_override,
}: BuildRequest): NonNullable<PrepareAssignment['changes']> | null {
  if (atoms_override !== undefined || (since === undefined && changed_files === undefined)) {
    return null;
  }
  return {
    ...(since === undefined ? {} : { since }),
    ...(changed_files === undefined ? {} : { changed_files }),
    ...(only_affected === undefined ? {} : { only_affected }),
  };
}

/** @throws ClusterRunnerError INVALID_REQUEST */
function projectOf(request: BuildRequest): Project {
  if (request.type === 'git') {
    if (request.revision !== undefined) {
      throw invalid('revision is what the slave finds in a repository; leave it out, or change the type.');
    }
    if (request.url === undefined) {
      throw invalid('url is missing: a build of type "git" needs the URL of the repository.');
    }
    return {
      type: 'git',
      url: request.url,
      remote: request.remote ?? 'origin',
      branch: request.branch ?? null,
      hash: request.hash ?? null,
      project_directory: request.project_directory ?? null,
    };
  }
  if (request.type === 'snapshot') {
    return snapshotOf(request);
  }
  const surplus = GIT_ONLY.find((field) => request[field] !== undefined);
  if (surplus !== undefined) {
    throw invalid(`${surplus} is for builds of type "git"; leave it out, or change the type.`);
  }
  if (request.project_directory === undefined) {
    throw invalid('project_directory is missing: a build of type "directory" needs the folder to run in.');
  }
  if (!isAbsolute(request.project_directory)) {
    throw invalid(
      `project_directory must be an absolute path, the same on every slave; "${request.project_directory}" is not.`,
    );
  }
  return { type: 'directory', project_directory: request.project_directory };
}

function snapshotOf(request: BuildRequest): Project {
  const surplus = (['branch', 'remote'] as const).find((field) => request[field] !== undefined);
  if (surplus !== undefined) {
    throw invalid(`${surplus} is for builds of type "git"; leave it out, or change the type.`);
  }
  const { hash } = request;
  if (!Value.Check(CommitSchema, hash)) {
    throw invalid('hash must be the whole hash of the commit whose bundle was sent, in lower case.');
  }
  const { url = null, project_directory = null } = request;
  return { type: 'snapshot', hash, url, project_directory };
}

function checkConfig(config: JobDefinition): void {
  const { commands, atomizers } = config;
  if (commands.every((line) => line === null || line.trim() === '')) {
    throw invalid('config.commands holds no command: give at least one shell line.');
  }
  const several = atomizers.find((entry) => Object.keys(entry).length > 1);
  if (several !== undefined) {
    throw invalid(
      `config.atomizers: the entry with ${Object.keys(several).join(', ')} must be split, one variable an entry.`,
    );
  }
  const problem = definitionProblem(config);
  if (problem !== null) {
    throw invalid(`config: ${problem.message}`);
  }
}

/** The part of a project, or of a request for a build of it, that is the same in all of its builds. */
export interface ProjectName {
  readonly type: Project['type'];
  readonly url?: string | null;
  readonly project_directory?: string | null;
}

/** The key, with the job's name, under which timings and the history of a project are kept: the same in all of its builds. */
export function projectKey({ type, url, project_directory: directory }: ProjectName): string {
  return type === 'directory'
    ? (directory ?? '')
    : [maskCredentials(url ?? 'snapshot'), directory ?? ''].join('#');
}

/** The request without credentials, for everybody who may read. */
export function maskRequest(request: BuildRequest): BuildRequest {
  const { url, remote_files: files } = request;
  const masked = Object.entries(files ?? {}).map(([a, b]) => [maskCredentials(a), maskCredentials(b)]);
  return {
    ...request,
    ...(url === undefined ? {} : { url: maskCredentials(url) }),
    ...(files === undefined ? {} : { remote_files: Object.fromEntries(masked) }),
  };
}

function invalid(message: string): ClusterRunnerError {
  return new ClusterRunnerError('INVALID_REQUEST', message);
}
