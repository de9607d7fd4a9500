import type { JobDefinition } from '../../protocol/build/job.js';
import { inputsOf } from '../../protocol/build/job-inputs.js';
import { entryProblem } from '../inputs/input-pattern.js';

export interface DefinitionProblem {
  readonly path: readonly string[];
  readonly message: string;
}

/** Problems of `cache` and `inputs` that the schema cannot express; null when there is none. */
export function cacheProblem(definition: JobDefinition): DefinitionProblem | null {
  return problemOfSwitches(definition) ?? problemOfPaths(definition) ?? problemOfInputs(definition);
}

function problemOfSwitches({ cache, inputs }: JobDefinition): DefinitionProblem | null {
  const isMapping = typeof cache === 'object';
  const isOn = isMapping ? cache.atoms === true : cache === true;
  if (isOn && inputs === undefined) {
    return {
      path: ['cache'],
      message: '"cache" needs "inputs", the files that the verdicts of atoms depend on; name them.',
    };
  }
  if (inputs !== undefined && cache === undefined) {
    return {
      path: ['inputs'],
      message: '"inputs" is of no use without "cache"; write "cache: true", or leave it out.',
    };
  }
  if (isMapping && (cache.key === undefined) !== (cache.paths === undefined)) {
    return { path: ['cache'], message: '"cache" must have both of "key" and "paths", or none of them.' };
  }
  return isMapping && cache.key === undefined && cache.atoms === undefined
    ? { path: ['cache'], message: '"cache" is empty; write "cache: true", or leave it out.' }
    : null;
}

function problemOfPaths({ cache }: JobDefinition): DefinitionProblem | null {
  for (const list of ['key', 'paths'] as const) {
    for (const [index, path] of (typeof cache === 'object' ? (cache[list] ?? []) : []).entries()) {
      const problem = pathProblem(path);
      if (problem !== null) {
        return {
          path: ['cache', list, String(index)],
          message: `"cache": the path ${JSON.stringify(path)} of "${list}" ${problem}.`,
        };
      }
    }
  }
  return null;
}

/** Why a path cannot be one of a cache, as the end of a sentence; null when it can. */
function pathProblem(path: string): string | null {
  const steps = path.split('/');
  if (path.startsWith('/') || steps.includes('..') || path.includes('\0')) {
    return 'must be relative and stay in the folder of clusterrunner.yaml';
  }
  if (steps.every((step) => step === '' || step === '.')) {
    return 'is the whole project; name a folder in it';
  }
  return steps.some((step) => step.toLowerCase() === '.git') ? 'is in the repository itself' : null;
}

function problemOfInputs({ inputs, atomizers }: JobDefinition): DefinitionProblem | null {
  if (inputs === undefined) {
    return null;
  }
  const { files, versions } = inputsOf(inputs);
  const place = Array.isArray(inputs) ? ['inputs'] : ['inputs', 'files'];
  const variables = new Set(atomizers.flatMap((entry) => Object.keys(entry)));
  for (const [index, entry] of files.entries()) {
    const problem = entryProblem(entry, variables);
    if (problem !== null) {
      const message = `"inputs": the entry ${JSON.stringify(entry)} ${problem}.`;
      return { path: [...place, String(index)], message };
    }
  }
  const bad = versions.findIndex((line) => line.includes('\0') || line.trim() === '');
  return bad === -1
    ? null
    : {
        path: ['inputs', 'versions', String(bad)],
        message: `"inputs": entry ${bad + 1} of "versions" must be a command without NUL characters.`,
      };
}
