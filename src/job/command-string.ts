import { quoteForShell } from '../lib/shell-quote.js';
import { maskedParts } from './atoms.js';

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
