import type { JobDefinition } from '../protocol/build/job.js';
import { ARTIFACT_DIR, ATOMS_FILE } from './command-environment.js';

/**
 * The shell line that a job with batches has before its other commands. Where nothing has set ATOMS_FILE, it makes that file for
 * the one atom whose variable is set. That is so in the script that reruns an atom, and on slaves of a version without batches.
 */
export function atomsFileLine({ atomizers }: Pick<JobDefinition, 'atomizers'>): string {
  const variables = [...new Set(atomizers.flatMap((entry) => Object.keys(entry)))];
  const value = variables.reduceRight((otherwise, name) => `\${${name}-${otherwise}}`, '');
  return `[ -n "\${${ATOMS_FILE}-}" ] || { ${ATOMS_FILE}=$${ARTIFACT_DIR}/clusterrunner_atoms && printf '%s\\n' "${value}" > "$${ATOMS_FILE}" && export ${ATOMS_FILE}; }`;
}
