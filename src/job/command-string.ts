import { quoteForShell } from '../lib/text/shell-quote.js';
import { joinMaskedParts, type MaskedPart, maskedParts } from './atomizer-output.js';

export interface AtomValue {
  readonly variable: string;
  /** The stored form: `$PROJECT_DIR` stands for the path of the checkout. */
  readonly value: string;
}

/** Shell text that sets the atom's variable; PROJECT_DIR must be set before. `export FILE="$PROJECT_DIR"/a.txt;` */
export function commandString(atom: AtomValue): string {
  const word = maskedParts(atom.value)
    .map((part) => (part.isDirectory ? '"$PROJECT_DIR"' : quoteForShell(part.text)))
    .join('');
  return `export ${atom.variable}=${word === '' ? "''" : word};`;
}

const SETTER = /^\s*export\s+([A-Za-z_]\w*)=/;
/** A part of a shell word: in single quotes, in double quotes, or bare with backslash escapes. */
const PIECE = /'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|((?:[^\s'"\\;&|<>()$`*?[\]#~!{}]|\\[^\n])+)/y;
const REFERENCE = /\$(?:PROJECT_DIR(?!\w)|\{PROJECT_DIR\})/;

/** Whether a text looks like `export NAME=…`, as `commandString` and ClusterRunner 0.x write an atom. */
export function isCommandString(text: string): boolean {
  return SETTER.test(text);
}

/**
 * Parses shell text that sets one variable: that of `commandString`, and `export NAME="value";` of ClusterRunner 0.x.
 * @returns null where only a shell could tell the value, as in `export T="$(date)";`
 */
export function readCommandString(text: string): AtomValue | null {
  const setter = SETTER.exec(text);
  const [, variable] = setter ?? [];
  if (setter === null || variable === undefined) {
    return null;
  }
  const parts: MaskedPart[] = [];
  PIECE.lastIndex = setter[0].length;
  let end = PIECE.lastIndex;
  for (let match = PIECE.exec(text); match !== null; match = PIECE.exec(text)) {
    const [, single, double, bare] = match;
    const read = double === undefined ? [literal(single ?? unescaped(bare ?? ''))] : partsInQuotes(double);
    if (read === null) {
      return null;
    }
    parts.push(...read);
    end = PIECE.lastIndex;
  }
  const value = /^\s*;?\s*$/.test(text.slice(end)) ? joinMaskedParts(parts) : null;
  return value === null ? null : { variable, value };
}

function literal(text: string): MaskedPart {
  return { isDirectory: false, text };
}

function unescaped(bare: string): string {
  return bare.replace(/\\([\s\S])/g, '$1');
}

/** null where a shell would expand anything but PROJECT_DIR. */
function partsInQuotes(text: string): MaskedPart[] | null {
  const parts: MaskedPart[] = [];
  for (let rest = text; rest !== ''; ) {
    const plain = /^(?:[^\\$`]|\\[\s\S]|\$(?![\w{(@*#?$!'"-]))+/.exec(rest)?.[0] ?? '';
    if (plain !== '') {
      parts.push(literal(plain.replace(/\\(\n|[\\$`"])/g, (_, c: string) => (c === '\n' ? '' : c))));
      rest = rest.slice(plain.length);
      continue;
    }
    const reference = REFERENCE.exec(rest);
    if (reference?.index !== 0) {
      return null;
    }
    parts.push({ isDirectory: true });
    rest = rest.slice(reference[0].length);
  }
  return parts;
}
