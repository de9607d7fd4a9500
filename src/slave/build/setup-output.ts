import { SETUP_FILE } from '../../protocol/results/archive-names.js';
import type { AtomFolder } from '../archive/write-archive.js';

/** A successful run of `setup_build`. */
export interface SetupRun {
  /** The name of the slave. */
  readonly slave: string;
  readonly seconds: number;
  /** The end of its output. */
  readonly output: string;
  /** Whether there was more output. */
  readonly isCut: boolean;
}

/** The text of SETUP_FILE in the results, for people. */
export function formatSetupOutput({ slave, seconds, output, isCut }: SetupRun): string {
  const what = output === '' ? 'and printed nothing' : isCut ? 'and printed, at the end' : 'and printed';
  const head = `setup_build took ${seconds.toFixed(1)} s on ${slave}, ${what}${output === '' ? '.' : ':'}\n`;
  return output === '' || output.endsWith('\n') ? head + output : `${head}${output}\n`;
}

/** Adds SETUP_FILE with this text to the first folder; null: there is nothing to add. */
export function withSetupOutput(folders: readonly AtomFolder[], text: string | null): readonly AtomFolder[] {
  const [first, ...others] = folders;
  if (first === undefined || text === null) {
    return folders;
  }
  const file = { name: SETUP_FILE, content: text, mode: 0o644 };
  return [{ ...first, added: [...first.added, file] }, ...others];
}
