import { SETUP_FILE } from '../../protocol/results/archive-names.js';
import type { AtomFolder } from '../archive/write-archive.js';

export interface SetupRun {
  /** The name of the slave. */
  readonly slave: string;
  readonly seconds: number;
  /** The end of what it printed. */
  readonly output: string;
  /** Whether there was more. */
  readonly isCut: boolean;
}

/** For people, as it lies in the results. */
export function setupText({ slave, seconds, output, isCut }: SetupRun): string {
  const what = output === '' ? 'and printed nothing' : isCut ? 'and printed, at the end' : 'and printed';
  const head = `setup_build took ${seconds.toFixed(1)} s on ${slave}, ${what}${output === '' ? '.' : ':'}\n`;
  return output === '' || output.endsWith('\n') ? head + output : `${head}${output}\n`;
}

/** The folders, with this text in the first of them. */
export function withSetup(folders: readonly AtomFolder[], text: string | null): readonly AtomFolder[] {
  const [first, ...others] = folders;
  if (first === undefined || text === null) {
    return folders;
  }
  const file = { name: SETUP_FILE, content: text, mode: 0o644 };
  return [{ ...first, added: [...first.added, file] }, ...others];
}
