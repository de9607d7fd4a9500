import { masterCommand } from '../../../lib/text/master-command.js';
import type { Build } from '../../../protocol/build/build.js';
import type { Atom } from '../../../protocol/build/work.js';
import { folderOfAtom } from '../build/artifacts/artifact-place.js';

/**
 * The command that fetches the results of a build and runs the script of an atom. Unless its project is a folder that the
 * machines share, it is to be run in a checkout.
 */
export function handRerunCommand(
  { id, request_params: { type } }: Pick<Build, 'id' | 'request_params'>,
  atom: Pick<Atom, 'id' | 'subjob_id'>,
  masterUrl: string,
): string {
  const script = `bash build_results/${folderOfAtom(atom)}/clusterrunner_command`;
  return `${masterCommand(`results ${id}`, masterUrl)} && ${type === 'directory' ? script : `PROJECT_DIR="$PWD" ${script}`}`;
}
