import { type JobDefinition, MAX_DURATION_SECONDS, type NamedJob } from '../../protocol/build/job.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { variableProblem } from '../command-environment.js';
import { durationSeconds } from '../duration.js';
import { shellText } from '../shell-text.js';
import { cacheProblem, type DefinitionProblem } from './cache-problem.js';

const lineSections = ['commands', 'setup_build', 'teardown_build', 'worker'] as const;
/** Those that must run something where they are given. */
const mustRun = ['commands', 'worker'] as const;
const durations = ['atom_timeout', 'build_timeout'] as const;

/** Problems that the schema of a definition cannot express; null when there is none. */
export function definitionProblem(definition: JobDefinition): DefinitionProblem | null {
  for (const section of lineSections) {
    const lines = definition[section] ?? [];
    const index = lines.findIndex((line) => line?.includes('\0'));
    if (index !== -1) {
      return {
        path: [section, String(index)],
        message: `entry ${index + 1} of "${section}" holds a NUL character.`,
      };
    }
  }
  for (const section of mustRun) {
    const lines = definition[section];
    if (lines !== undefined && shellText(lines) === '') {
      return { path: [section], message: `"${section}" has no line that runs something.` };
    }
  }
  if (definition.recycle_after !== undefined && definition.worker === undefined) {
    return {
      path: ['recycle_after'],
      message: '"recycle_after" is of no use without "worker"; name the worker, or leave it out.',
    };
  }
  if (definition.batch !== undefined && definition.worker !== undefined) {
    return {
      path: ['batch'],
      message:
        '"batch" and "worker" exclude each other, since a worker is handed one atom at a time; leave one of them out.',
    };
  }
  for (const [index, atomizer] of definition.atomizers.entries()) {
    for (const [variable, command] of Object.entries(atomizer)) {
      const path = ['atomizers', String(index), variable];
      const problem = variableProblem(variable);
      if (problem !== null) {
        return { path, message: `the variable "${variable}" ${problem}.` };
      }
      if (command.includes('\0')) {
        return { path, message: `the command of the atomizer "${variable}" holds a NUL character.` };
      }
    }
  }
  const ofCache = cacheProblem(definition);
  if (ofCache !== null) {
    return ofCache;
  }
  for (const section of durations) {
    const seconds = durationSeconds(definition[section] ?? 1);
    if (seconds <= 0 || seconds > MAX_DURATION_SECONDS) {
      return {
        path: [section],
        message: `"${section}" must be more than nothing and at most a week (168h); leave it out for no limit.`,
      };
    }
  }
  return null;
}

/** For a job that arrives as JSON. @throws ClusterRunnerError JOB_INVALID */
export function assertRunnable({ name, definition }: NamedJob): void {
  const problem = definitionProblem(definition);
  if (problem !== null) {
    throw new ClusterRunnerError('JOB_INVALID', `Job "${name}": ${problem.message}`);
  }
}
