import { digestOfFields } from '../lib/digest-of-fields.js';
import { maskCredentials } from '../lib/text/mask-credentials.js';
import type { JobDefinition } from '../protocol/build/job.js';
import { dependencyCacheOf, inputsOf } from '../protocol/build/job-inputs.js';
import { type Project, proposedRef } from '../protocol/build/project.js';
import type { AtomValue } from './command-string.js';

/** To be raised when keys of the same facts change their meaning. */
const FORMAT = '1';
/**
 * Sections that change no verdict: which atoms there are, how many run at once and how often, and what comes after them. Every
 * other section is part of the key, also one that is added later; `inputs` and `cache` are in it without their order and form.
 */
const leftOut: ReadonlySet<string> = new Set<keyof JobDefinition>([
  'atomizers',
  'teardown_build',
  'max_executors',
  'max_executors_per_slave',
  'retries',
  'max_retries',
  'order',
  'affects',
  'speculative',
  'build_timeout',
  'inputs',
  'cache',
]);

/** The part of the key that stands for the job. */
export function jobDigest(definition: JobDefinition): string {
  const { files, environment, versions } = inputsOf(definition.inputs ?? []);
  return digestOfFields([
    FORMAT,
    ...Object.entries(definition)
      .filter(([name, value]) => !leftOut.has(name) && value !== undefined)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, value]) => JSON.stringify([name, value])),
    JSON.stringify([[...files].sort(), [...environment].sort(), versions, dependencyCacheOf(definition)]),
  ]);
}

/** The part of the key that stands for an atom and its inputs, of which the slave makes the digest. */
export function atomDigest({ variable, value }: AtomValue, inputs: string): string {
  return digestOfFields([variable, value, inputs]);
}

/** Under which names passes are recorded and looked up. */
export interface PassScopes {
  readonly own: string;
  /** The own one, and that of the commits of the repository itself, which every build of the project may trust. */
  readonly read: readonly string[];
}

/**
 * Builds of the commits of a repository share their passes. Those of proposed changes (pull requests) are only used by builds
 * of the same ref, and those of snapshots by snapshots: files that `inputs` does not name may differ there. null when the
 * project has no name.
 */
export function passScopes(project: Project, job: string): PassScopes | null {
  if (project.type === 'directory' || project.url === null) {
    return null;
  }
  const scope = (kind: string, ref: string) =>
    digestOfFields([kind, maskCredentials(project.url ?? ''), project.project_directory ?? '', job, ref]);
  const ofRepository = scope('git', '');
  const own = scope(project.type, proposedRef(project) ?? '');
  return { own, read: own === ofRepository ? [own] : [own, ofRepository] };
}
