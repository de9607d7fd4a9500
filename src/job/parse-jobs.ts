import { Ajv, type ErrorObject } from 'ajv';
import { lazyValidator, ownSchemas } from '../lib/lazy-validator.js';
import {
  batchMatch,
  type JobDefinition,
  JobDefinitionSchema,
  MAX_BATCH_SIZE,
  type NamedJob,
  runOrder,
} from '../protocol/build/job.js';
import type { ClusterRunnerError } from '../protocol/errors.js';
import { definitionProblem } from './yaml/definition-problem.js';
import { quotesAdvice } from './yaml/misread-yaml.js';
import { jobInvalid, readYamlEntries, type SourceEntry } from './yaml/yaml-source.js';

const validator = lazyValidator<JobDefinition>(
  new Ajv({ ...ownSchemas, verbose: true, allErrors: true }),
  JobDefinitionSchema,
);
const MAX_LISTED = 20;
/** For all jobs together, since aliases multiply lines. */
const MAX_LINES = 100_000;
/** Top-level entries that only hold anchors. */
const NO_JOB = /^x-/;

const sectionNames: readonly string[] = Object.keys(JobDefinitionSchema.properties);

const LINES = 'a list of shell lines, each after a "- "';
const CACHE =
  'true, false, or "key", a list of files, and "paths", a list of folders or files that setup_build makes, with "atoms: true" if atoms are cached too';
const INPUTS =
  'a list of files, or "files" with such a list, "environment", a list of variables, and "versions", a list of shell lines';
const BATCH = `"size", a whole number from 2 to ${MAX_BATCH_SIZE}, and "match", one of ${batchMatch.join(', ')}`;
const NUMBER = 'a whole number from 1';
const DURATION = 'a number of seconds above 0, or text like 90s, 10m or 2h, and at most a week';

/** Completes "must be", for each section. */
const expected: Readonly<Record<string, string>> = {
  commands: LINES,
  setup_build: LINES,
  teardown_build: LINES,
  atomizers: 'a list of VARIABLE: shell command, each after a "- "',
  inputs: INPUTS,
  cache: CACHE,
  worker: LINES,
  recycle_after: NUMBER,
  batch: BATCH,
  max_executors: NUMBER,
  max_executors_per_slave: NUMBER,
  retries: 'a whole number from 0 to 10',
  max_retries: 'a whole number from 0',
  order: runOrder.join(' or '),
  affects: 'a list of "paths" and "atoms", each a list of patterns',
  speculative: 'true or false',
  atom_timeout: DURATION,
  build_timeout: DURATION,
};

/**
 * All jobs of a clusterrunner.yaml, in its order. All are checked, not only the one that will run. Entries whose names begin
 * with `x-` are no jobs.
 * @throws ClusterRunnerError JOB_INVALID naming file, line and the valid choices
 */
export function parseJobs(text: string, fileName: string): NamedJob[] {
  const isDefinition = validator();
  const entries = readYamlEntries(text, fileName).filter(({ key }) => !NO_JOB.test(key));
  if (entries.reduce((sum, { value }) => sum + linesIn(value), 0) > MAX_LINES) {
    throw jobInvalid(fileName, null, `its jobs have more than ${MAX_LINES} lines; move them into scripts.`);
  }
  return entries.map((entry) => {
    const definition = entry.value;
    if (!isDefinition(definition)) {
      throw shapeError(entry, isDefinition.errors ?? [], fileName);
    }
    const problem = definitionProblem(definition);
    if (problem !== null) {
      throw jobInvalid(fileName, entry.lineOf(problem.path), `job "${entry.key}": ${problem.message}`);
    }
    return { name: entry.key, definition };
  });
}

function linesIn(value: unknown): number {
  const sections: unknown[] = typeof value === 'object' && value !== null ? Object.values(value) : [];
  return sections.reduce<number>((sum, lines) => sum + (Array.isArray(lines) ? lines.length : 0), 0);
}

/**
 * The job with this name; without a name, the only one.
 * @throws ClusterRunnerError JOB_INVALID naming the file and its jobs
 */
export function selectJob(jobs: readonly NamedJob[], name: string | null, fileName: string): NamedJob {
  const [first] = jobs;
  if (first === undefined) {
    throw jobInvalid(
      fileName,
      null,
      'the file has no jobs; write one as a name with commands and atomizers.',
    );
  }
  if (name === null) {
    if (jobs.length > 1) {
      throw jobInvalid(
        fileName,
        null,
        `the file has several jobs; name one of ${namesOf(jobs)} (--job-name, or job_name in a request).`,
      );
    }
    return first;
  }
  const job = jobs.find((candidate) => candidate.name === name);
  if (job === undefined) {
    throw jobInvalid(fileName, null, `the file has no job "${name}"; its jobs are ${namesOf(jobs)}.`);
  }
  return job;
}

function namesOf(jobs: readonly NamedJob[]): string {
  const names = jobs.slice(0, MAX_LISTED).map((job) => job.name);
  const more = jobs.length - names.length;
  return names.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function shapeError(
  entry: SourceEntry,
  errors: readonly ErrorObject[],
  fileName: string,
): ClusterRunnerError {
  // An unknown section explains a missing one. For an alternative, ajv reports the errors of each branch first, and the
  // alternative itself last.
  const error =
    errors.find(({ keyword }) => keyword === 'additionalProperties') ??
    errors.filter(({ instancePath }) => instancePath === errors[0]?.instancePath).at(-1);
  const path = error?.instancePath.split('/').slice(1).map(unescapePointer) ?? [];
  const extra = error?.keyword === 'additionalProperties' ? String(error.params.additionalProperty) : null;
  const line = entry.lineOf(extra === null ? path : [...path, extra]);
  return jobInvalid(
    fileName,
    line,
    `job "${entry.key}": ${problemOf(error, path, extra, entry.textOf(line))}`,
  );
}

/** @param text the line of the error */
function problemOf(
  error: ErrorObject | undefined,
  path: readonly string[],
  extra: string | null,
  text: string,
): string {
  const [section, index] = path;
  const choices = `the sections are ${sectionNames.join(', ')}`;
  if (section === undefined) {
    if (extra !== null) {
      return `there is no section "${extra}"; ${choices}.`;
    }
    return error?.keyword === 'required'
      ? `the section "${String(error.params.missingProperty)}" is missing; it must be ${expected[String(error.params.missingProperty)]}.`
      : `a job must be sections with their contents; ${choices}.`;
  }
  if (['cache', 'inputs', 'batch', 'affects'].includes(section)) {
    return `"${section}" must be ${expected[section]}.`;
  }
  if (extra !== null) {
    return `"${extra}" is not a name that a variable can have; use letters, digits and _, not beginning with a digit.`;
  }
  if (index === undefined) {
    if (error?.keyword === 'minItems') {
      return `"${section}" is empty; it must be ${expected[section] ?? 'valid'}.`;
    }
    const advice = error?.data === null ? '; leave the section out when there is nothing in it' : '';
    return `"${section}" must be ${expected[section] ?? 'valid'}${advice}.`;
  }
  return `${itemPlace(section, index)} ${itemProblem(section, path, error?.data, text)}.`;
}

function itemPlace(section: string, index: string): string {
  return `entry ${Number(index) + 1} of "${section}"`;
}

function itemProblem(section: string, path: readonly string[], data: unknown, text: string): string {
  const isMapping = typeof data === 'object' && data !== null && !Array.isArray(data);
  const isAtomizer = section === 'atomizers';
  if (isAtomizer && path.length === 2) {
    return isMapping ? 'is empty; write VARIABLE: shell command' : 'must be VARIABLE: shell command';
  }
  const advice = quotesAdvice(text, isAtomizer, true) ?? 'put it in quotes';
  const begins = /^\s*-\s+(?:[A-Za-z_]\w*:\s+)?([{[-])/.exec(text)?.[1];
  if (isMapping) {
    const why = begins === '{' ? 'it begins with "{"' : 'of a ": " or a colon at its end';
    return `must be text, but reads as a mapping because ${why}; ${advice}`;
  }
  if (typeof data === 'number' || typeof data === 'boolean') {
    return `must be text, but ${JSON.stringify(data)} reads as a ${typeof data}; ${advice}`;
  }
  return Array.isArray(data) && begins !== undefined
    ? `must be text, but reads as a list because it begins with "${begins}"; ${advice}`
    : 'must be text';
}

function unescapePointer(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}
