import { posix } from 'node:path';
import { escape as escapePattern } from 'minimatch';
import { unmaskProjectDirectory } from '../atomizer-output.js';
import type { AtomValue } from '../command-string.js';

/** Files of a commit, as an entry of `inputs` names them. Paths begin at the root of the repository. */
export type InputPattern =
  /** A file, or a folder with everything in it. */
  | { readonly kind: 'path'; readonly path: string }
  /** `prefix` is the text that every match begins with. */
  | { readonly kind: 'glob'; readonly glob: string; readonly prefix: string };

const VARIABLE = /\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/g;
/** The first character that is not taken literally. */
const MAGIC = /[*?[{\\]|[+@!]\(/;

/** A part of an entry: text as written, or the name of a variable. */
type Part = { readonly text: string } | { readonly variable: string };

function partsOf(entry: string): Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const match of entry.matchAll(VARIABLE)) {
    parts.push({ text: entry.slice(end, match.index) }, { variable: match[1] ?? match[2] ?? '' });
    end = match.index + match[0].length;
  }
  return [...parts, { text: entry.slice(end) }].filter((part) => !('text' in part) || part.text !== '');
}

/** The variables that an entry of `inputs` names, each once. */
export function variablesInEntry(entry: string): string[] {
  return [...new Set(partsOf(entry).flatMap((part) => ('variable' in part ? [part.variable] : [])))];
}

/** Why an entry cannot be one of `inputs`, as the end of a sentence; null when it can. `known` are the job's variables. */
export function entryProblem(entry: string, known: ReadonlySet<string>): string | null {
  const unknown = variablesInEntry(entry).find((name) => !known.has(name));
  if (unknown !== undefined) {
    return `names $${unknown}, which no atomizer sets; write [$] for the character`;
  }
  const parts = partsOf(entry);
  if (parts.some((part) => 'text' in part && part.text.includes('$'))) {
    return 'has a $ that names no variable; write [$] for the character';
  }
  if (entry.startsWith('/')) {
    return 'must be relative to the folder of clusterrunner.yaml';
  }
  const steps = entry.split('/');
  const firstOther = steps.findIndex((step) => step !== '..' && step !== '.');
  if (firstOther !== -1 && steps.slice(firstOther).includes('..')) {
    return 'may have ".." only at its beginning';
  }
  return entry.includes('\0') ? 'holds a NUL character' : null;
}

/**
 * The files that an entry names for an atom; null when it can name none, since it leads out of the repository, or is a pattern
 * in a path with a backslash.
 * @param folder of clusterrunner.yaml, relative to the root of the repository; empty for the root itself
 * @param atom null for an entry without variables
 */
export function inputPattern(entry: string, folder: string, atom: AtomValue | null): InputPattern | null {
  let literal = '';
  let glob = '';
  for (const part of partsOf(entry)) {
    const text = 'text' in part ? part.text : valueAsPath(atom, part.variable);
    if (text === null) {
      return null;
    }
    const magic = 'text' in part ? text.search(MAGIC) : -1;
    if (glob === '' && magic === -1) {
      literal += text;
    } else if (glob === '') {
      literal += text.slice(0, magic);
      glob = text.slice(magic);
    } else {
      glob += 'text' in part ? text : escaped(text);
    }
  }
  if (literal.startsWith('/')) {
    return null;
  }
  const prefix = relativeToRoot(folder, literal);
  if (prefix === null) {
    return null;
  }
  if (glob !== '' && `${prefix}${atom?.value ?? ''}`.includes('\\')) {
    // Patterns have no reliable way to say it.
    return null;
  }
  return glob === ''
    ? { kind: 'path', path: prefix.replace(/\/+$/, '') }
    : { kind: 'glob', glob: `${escaped(prefix)}${glob}`, prefix };
}

/** An atom names files by paths as its atomizer prints them: absolute, or relative to the folder of the project. */
function valueAsPath(atom: AtomValue | null, variable: string): string | null {
  if (atom === null || atom.variable !== variable) {
    return null;
  }
  return unmaskProjectDirectory(atom.value, '.');
}

function relativeToRoot(folder: string, path: string): string | null {
  const joined = posix.join('/', folder, './').slice(1);
  const full = posix.join(joined, path);
  return full === '..' || full.startsWith('../') ? null : full.replace(/^\.(\/|$)/, '');
}

function escaped(text: string): string {
  return escapePattern(text, { magicalBraces: true });
}
