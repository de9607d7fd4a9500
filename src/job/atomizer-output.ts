import { isUtf8 } from 'node:buffer';

/** Of a line that is quoted in an error. */
const MAX_QUOTED_BYTES = 100;

/**
 * The text that an atomizer printed, or a sentence about the first line that cannot become an atom as it is: an
 * environment variable holds no NUL, and what is no UTF-8 does not travel.
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

/** As `$'…'` of bash has it, around the first byte that is the trouble. */
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

/** Of a line that has one: that of a NUL, or of a character that is no UTF-8. */
function firstBadByte(line: Buffer): number {
  const nul = line.indexOf(0);
  if (nul !== -1) {
    return nul;
  }
  // The longest beginning that is UTF-8, but for the last three bytes of a character that it may cut.
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
 * The atoms that an atomizer printed: blanks around the whole are dropped, then each line is a value. An empty line
 * between others is a value too. No output is no atoms.
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
 * In the value of an atom as it is kept, `$PROJECT_DIR` stands for the path of the checkout. Where the text of a
 * value really has `$PROJECT_DIR`, it is kept with one `$` more. So every value has one kept form, and comes back
 * from it as it was.
 */

/** Group 1 is the dollars. */
const REFERENCE = /(\$+)PROJECT_DIR(?!\w)/g;
/** What a file's name is made of: a path that goes on with these is another path. */
const NAME = '[\\p{L}\\p{M}\\p{N}_.+@%~-]';

/** The form in which a value is kept. The path counts as that of the checkout only where it begins and ends as a path. */
export function maskProjectDirectory(value: string, projectDirectory: string): string {
  const escaped = (text: string) => text.replace(REFERENCE, '$$$1PROJECT_DIR');
  const directory = projectDirectory.replace(/\/+$/, '');
  if (directory === '') {
    return escaped(value);
  }
  // Behind a `$` the path is left: `$` and the reference would look like an escaped one.
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

/** The value for a checkout: what `maskProjectDirectory` did is undone, on this or another machine. */
export function unmaskProjectDirectory(value: string, projectDirectory: string): string {
  const directory = projectDirectory.replace(/(?<=.)\/+$/, '');
  return maskedParts(value)
    .map((part) => (part.isDirectory ? directory : part.text))
    .join('');
}

export type MaskedPart =
  | { readonly isDirectory: true }
  | { readonly isDirectory: false; readonly text: string };

/** A kept value as text and places where the path of the checkout belongs. */
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

/** The kept value that `maskedParts` takes apart into these, adjacent texts joined; null where there is none. */
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
