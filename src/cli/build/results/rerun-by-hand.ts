import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SCRIPT_HEAD_BYTES, takesSetup, WITH_SETUP } from '../../../job/rerun-script.js';
import { readStart } from '../../../lib/fs/read/read-start.js';
import { COMMAND_FILE } from '../../../protocol/results/archive-names.js';
import type { ResultPlace } from './result-place.js';

/**
 * The command that reruns an atom by hand, whose results are or will be in `folder` of `place`, and are in `directory` now.
 * `isElsewhere`: the build ran in a folder that was made for it on a slave, so the command is for a checkout.
 */
export function rerunByHand(
  folder: string,
  place: Pick<ResultPlace, 'word'>,
  directory: string,
  isElsewhere: boolean,
): string {
  const command = `bash ${place.word(folder, COMMAND_FILE)}`;
  if (!isElsewhere) {
    return command;
  }
  // One's own checkout lacks what the setup makes.
  const withSetup = hasSetup(join(directory, folder, COMMAND_FILE)) ? ` ${WITH_SETUP}` : '';
  return `PROJECT_DIR="$PWD" ${command}${withSetup}`;
}

/** Whether the job of an atom has a setup, by the script that reruns it. */
function hasSetup(script: string): boolean {
  return existsSync(script) && takesSetup(readStart(script, SCRIPT_HEAD_BYTES));
}
