import { copyFileSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { readStart } from '../../../lib/fs/read/read-start.js';
import { SETUP_FILE } from '../../../protocol/results/archive-names.js';
import { ATOM_FOLDER } from '../../../protocol/results/artifact.js';

/** Names of the outputs of setups in the folder of the results. */
export const SETUP_NAME = /^setup_[\w.-]{1,120}\.txt$/;
const MAX_NAME = 100;
/** More than the first line needs. */
const HEAD_BYTES = 1024;
/** Folders between two yields to the event loop. */
const FOLDERS_AT_ONCE = 500;

/**
 * Copies the outputs of setups, which arrive in folders of atoms, to `setup_<slave>.txt` beside these folders.
 * @throws the file system's error; the signal's reason
 */
export async function copySetups(directory: string, signal: AbortSignal): Promise<void> {
  const taken = new Set<string>();
  const folders = readdirSync(directory).filter((name) => ATOM_FOLDER.test(name));
  for (const [index, folder] of folders.sort().entries()) {
    if (index % FOLDERS_AT_ONCE === 0) {
      await yieldToEventLoop();
      signal.throwIfAborted();
    }
    const file = join(directory, folder, SETUP_FILE);
    // Only regular files, since the archive may hold links.
    if (lstatSync(file, { throwIfNoEntry: false })?.isFile() === true) {
      const name = setupName(readStart(file, HEAD_BYTES), taken);
      taken.add(name.toLowerCase());
      copyFileSync(file, join(directory, name));
    }
  }
}

/** The name by the slave in the first line; slaves of one name get numbers. `taken` is in lower case. */
export function setupName(text: string, taken: ReadonlySet<string>): string {
  const slave = /^setup_build took \S+ s on (.*), and printed/.exec(text)?.[1] ?? 'slave';
  const name = slave.replaceAll(/[^\w.-]/g, '_').slice(0, MAX_NAME) || 'slave';
  for (let number = 1; ; number += 1) {
    const free = `setup_${name}${number === 1 ? '' : `-${number}`}.txt`;
    if (!taken.has(free.toLowerCase())) {
      return free;
    }
  }
}
