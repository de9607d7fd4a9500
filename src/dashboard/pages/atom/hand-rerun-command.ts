import { masterCommand } from '../../../lib/text/master-command.js';
import type { Build } from '../../../protocol/build/build.js';
import type { Atom } from '../../../protocol/build/work.js';
import { folderOfAtom } from '../build/artifacts/artifact-place.js';

/**
 * The command that fetches the results of a build and runs the script of an atom. Unless its project is a folder that the
 * machines share, it is to be run in a checkout. `masterUrl`: null for a cluster of one command, which has left the results where
 * it was started.
 */
export function handRerunCommand(
  { id, request_params: { type } }: Pick<Build, 'id' | 'request_params'>,
  atom: Pick<Atom, 'id' | 'subjob_id'>,
  masterUrl: string | null,
): string {
  const script = `bash build_results/${folderOfAtom(atom)}/clusterrunner_command`;
  const rerun = type === 'directory' ? script : `PROJECT_DIR="$PWD" ${script}`;
  return masterUrl === null ? rerun : `${masterCommand(`results ${id}`, masterUrl)} && ${rerun}`;
}
