import { maskedParts } from './atoms.js';

/** One word of any POSIX shell that stands for exactly this text. */
export function quoteForShell(value: string): string {
  // Neither a leading `-` nor one of these is special to a shell in any place of a word.
  return /^[\w/.,:@%+-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}

export interface AtomValue {
  readonly variable: string;
  /** In the form that is kept: `$PROJECT_DIR` stands for the path of the checkout. */
  readonly value: string;
}

/** Shell text that sets the atom's variable; PROJECT_DIR must be set before. `export FILE="$PROJECT_DIR"/a.txt;` */
export function commandString(atom: AtomValue): string {
  const word = maskedParts(atom.value)
    .map((part) => (part.isDirectory ? '"$PROJECT_DIR"' : quoteForShell(part.text)))
    .join('');
  return `export ${atom.variable}=${word === '' ? "''" : word};`;
}
