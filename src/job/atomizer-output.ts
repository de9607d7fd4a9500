import { isUtf8 } from 'node:buffer';

/** For a line that is quoted in an error. */
const MAX_QUOTED_BYTES = 100;

/**
 * The text that an atomizer printed, or a message about the first line that cannot become an atom: an environment variable
 * cannot hold NUL, and JSON requires UTF-8.
 */
export function readAtomizerOutput(output: Buffer): { readonly text: string } | { readonly problem: string } {
  if (isUtf8(output) && !output.includes(0)) {
    return { text: output.toString('utf8') };
  }
  let start = 0;
  for (let number = 1; ; number += 1) {
    const newline = output.indexOf(0x0a, start);
    const line = output.subarray(start, newline === -1 ? output.length : newline);
    const what = line.includes(0) ? 'holds a NUL byte' : isUtf8(line) ? null : 'is not UTF-8';
    if (what !== null) {
      return { problem: `line ${number} of what it printed ${what}: ${quoted(line)}` };
    }
    start = newline + 1;
  }
}

/** The line as `$'…'` of bash, cut around the first invalid byte. */
function quoted(line: Buffer): string {
  const at = firstBadByte(line);
  const from = Math.max(0, at - MAX_QUOTED_BYTES / 2);
  const shown = line.subarray(from, from + MAX_QUOTED_BYTES);
  const text = [...shown].map((byte) =>
    byte === 0x27 || byte === 0x5c
      ? `\\${String.fromCharCode(byte)}`
      : byte >= 0x20 && byte < 0x7f
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, '0')}`,
  );
  const cut = (is: boolean) => (is ? '…' : '');
  return `$'${cut(from > 0)}${text.join('')}${cut(from + shown.length < line.length)}'`;
}

/** Index of the first NUL, or of the first byte that is not UTF-8. */
function firstBadByte(line: Buffer): number {
  const nul = line.indexOf(0);
  if (nul !== -1) {
    return nul;
  }
  // The longest prefix that is UTF-8, except for a character cut at its end.
  let good = 0;
  for (let bad = line.length; bad - good > 1; ) {
    const middle = (good + bad) >> 1;
    const isGood = [0, 1, 2, 3].some((more) => isUtf8(line.subarray(0, Math.max(0, middle - more))));
    if (isGood) {
      good = middle;
    } else {
      bad = middle;
    }
  }
  return good;
}

const BLANKS = ' \t\r\n\f\v';

/**
 * The values of the atoms that an atomizer printed: the output is trimmed, then each line is a value, also an empty one
 * between others. Empty output has no atoms.
 */
export function splitAtoms(output: string): string[] {
  let start = 0;
  let end = output.length;
  while (start < end && BLANKS.includes(output.charAt(start))) {
    start += 1;
  }
  while (end > start && BLANKS.includes(output.charAt(end - 1))) {
    end -= 1;
  }
  return start === end ? [] : output.slice(start, end).split(/\r?\n/);
}

/*
 * In the stored value of an atom, `$PROJECT_DIR` stands for the path of the checkout. A literal `$PROJECT_DIR` is stored
 * with one more `$`. So every value has exactly one stored form, from which it is restored.
 */

/** Group 1 has the dollars. */
const REFERENCE = /(\$+)PROJECT_DIR(?!\w)/g;
/** Characters of file names: a path that goes on with these is another path. */
const NAME = '[\\p{L}\\p{M}\\p{N}_.+@%~-]';

/** The stored form of a value. The checkout's path is replaced only where it is a whole path or its beginning. */
export function maskProjectDirectory(value: string, projectDirectory: string): string {
  const escaped = (text: string) => text.replace(REFERENCE, '$$$1PROJECT_DIR');
  const directory = projectDirectory.replace(/\/+$/, '');
  if (directory === '') {
    return escaped(value);
  }
  // Not after a `$`: with the reference, it would look like an escaped one.
  const before = `(?<![/\\\\$]|${NAME})`;
  const path = new RegExp(
    `(?:${before}|(?<=://))${directory.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}(?!${NAME})`,
    'gu',
  );
  const parts: string[] = [];
  let from = 0;
  for (const { index } of value.matchAll(path)) {
    parts.push(escaped(value.slice(from, index)), '$PROJECT_DIR');
    from = index + directory.length;
  }
  return [...parts, escaped(value.slice(from))].join('');
}

/** The value for a checkout on this machine, from its stored form. */
export function unmaskProjectDirectory(value: string, projectDirectory: string): string {
  const directory = projectDirectory.replace(/(?<=.)\/+$/, '');
  return maskedParts(value)
    .map((part) => (part.isDirectory ? directory : part.text))
    .join('');
}

export type MaskedPart =
  | { readonly isDirectory: true }
  | { readonly isDirectory: false; readonly text: string };

/** A stored value as text parts and references to the path of the checkout. */
export function maskedParts(value: string): MaskedPart[] {
  const parts: MaskedPart[] = [];
  let text = '';
  let from = 0;
  for (const match of value.matchAll(REFERENCE)) {
    text += value.slice(from, match.index);
    from = match.index + match[0].length;
    if (match[1] === '$') {
      parts.push(...(text === '' ? [] : [{ isDirectory: false, text } as const]), { isDirectory: true });
      text = '';
    } else {
      text += match[0].slice(1);
    }
  }
  text += value.slice(from);
  return text === '' ? parts : [...parts, { isDirectory: false, text }];
}

/** The stored value that `maskedParts` splits into these parts, with adjacent texts joined; null where there is none. */
export function joinMaskedParts(parts: readonly MaskedPart[]): string | null {
  const joined: MaskedPart[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (!part.isDirectory && last !== undefined && !last.isDirectory) {
      joined[joined.length - 1] = { isDirectory: false, text: last.text + part.text };
    } else if (part.isDirectory || part.text !== '') {
      joined.push(part);
    }
  }
  const value = joined
    .map((part) => (part.isDirectory ? '$PROJECT_DIR' : part.text.replace(REFERENCE, '$$$1PROJECT_DIR')))
    .join('');
  const again = maskedParts(value);
  const isSame =
    again.length === joined.length &&
    again.every((part, index) => {
      const other = joined[index];
      return part.isDirectory
        ? other?.isDirectory === true
        : other?.isDirectory === false && part.text === other.text;
    });
  return isSame ? value : null;
}
