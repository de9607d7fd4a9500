import type { GivenAtom } from '../protocol/build/build.js';
import type { JobDefinition } from '../protocol/build/job.js';
import { type AtomValue, readCommandString } from './command-string.js';

/** The variables that the atoms of a build set, each once. `given` are the atoms of the request, if it has any. */
export function variablesOfAtoms(
  definition: JobDefinition,
  given: readonly GivenAtom[] | undefined,
): string[] {
  const ofJob = definition.atomizers.flatMap((atomizer) => Object.keys(atomizer));
  const all =
    given === undefined
      ? ofJob
      : given.flatMap((atom) => (typeof atom === 'string' ? ofJob.slice(0, 1) : Object.keys(atom)));
  return [...new Set(all)];
}

/**
 * The name of an atom for people: its value; `NAME=value` where the atoms of the build set several variables, or the value
 * is blank. `commandString` and `variables` are those of the API; an older master sends no variables.
 */
export function atomName(commandString: string, variables: readonly string[] | undefined): string {
  const atom = readCommandString(commandString);
  return atom === null ? commandString : nameOfValue(atom, variables);
}

/** The same for an atom whose value is known. */
export function nameOfValue(atom: AtomValue, variables: readonly string[] | undefined): string {
  return (variables?.length ?? 1) > 1 || atom.value.trim() === ''
    ? `${atom.variable}=${atom.value}`
    : atom.value;
}
