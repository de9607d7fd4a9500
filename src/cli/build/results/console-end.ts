import { existsSync } from 'node:fs';
import { readTail } from '../../../lib/fs/read/read-tail.js';
import { stripControlChars } from '../../../lib/text/strip-control-chars.js';

const MAX_LINES = 20;
const MAX_BYTES = 8 * 1024;

export interface ConsoleEnd {
  /** Without line feeds. */
  readonly lines: readonly string[];
  /** Whether this is the whole console. */
  readonly isWhole: boolean;
}

/** The last lines of a console, which may be larger than memory; null when it is missing. `colors`: it keeps its colors. */
export function consoleEnd(file: string, colors: boolean): ConsoleEnd | null {
  if (!existsSync(file)) {
    return null;
  }
  const { text, isWhole } = readTail(file, MAX_BYTES);
  if (text === '') {
    return { lines: [], isWhole: true };
  }
  const all = text.replace(/\r?\n$/, '').split('\n');
  // The first one may begin within a character or a control sequence.
  const lines = isWhole || all.length === 1 ? all : all.slice(1);
  const end = stripControlChars(lines.slice(-MAX_LINES).join('\n'), { colors }).split('\n');
  return { lines: end, isWhole: isWhole && lines.length <= end.length };
}
