import { textStart } from '../lib/text/text-ends.js';
import { MAX_NAME_SHOWN } from '../protocol/build/activity.js';
import type { BuildRequest } from '../protocol/build/build.js';
import type { NamedJob } from '../protocol/build/job.js';
import { nameOfValue, variablesOfAtoms } from './atom-name.js';
import { givenAtoms } from './build-request.js';
import type { AtomValue } from './command-string.js';

/** How the atoms of a build are named where the length is limited. */
export function shownNames({
  job,
  request,
}: {
  readonly job: NamedJob | null;
  readonly request: BuildRequest;
}): (atom: AtomValue) => string {
  const variables = job === null ? [] : variablesOf(job.definition, request.atoms_override);
  return (atom) => {
    const name = nameOfValue(atom, variables);
    return name.length <= MAX_NAME_SHOWN ? name : `${textStart(name, MAX_NAME_SHOWN - 1)}…`;
  };
}

/** Cached by the given atoms, of which there may be a hundred thousand; they are the same object while the build runs. */
const variablesOfGiven = new WeakMap<object, string[]>();

/** The variables that the atoms of a build set. */
export function variablesOf(
  definition: NamedJob['definition'],
  given: BuildRequest['atoms_override'],
): string[] {
  if (given === undefined) {
    return variablesOfAtoms(definition, undefined);
  }
  const variables = variablesOfGiven.get(given) ?? variablesOfAtoms(definition, givenAtoms(given));
  variablesOfGiven.set(given, variables);
  return variables;
}
