import { cleanLine } from '../../lib/text/strip-control-chars.js';
import type { Build } from '../../protocol/build/build.js';

/** Which of its atoms a build runs, where it was asked for the affected ones; null otherwise, and before they are known. */
export function choiceLine({
  id,
  num_atoms: atoms,
  affected,
  request_params: request,
}: Pick<Build, 'id' | 'num_atoms' | 'affected' | 'request_params'>): string | null {
  if (request.only_affected !== true || atoms === null || affected === null || affected === undefined) {
    return null;
  }
  const { num_unaffected: unaffected, uncovered } = affected;
  return uncovered === null
    ? `Build ${id} runs ${atoms} of ${atoms + unaffected} atoms, those that the changed files affect`
    : `Build ${id} runs all ${atoms} atoms: no rule of \`affects\` covers the changed file ${cleanLine(uncovered)}`;
}
