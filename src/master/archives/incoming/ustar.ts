import { isUtf8 } from 'node:buffer';

/** A header of POSIX ustar (IEEE 1003.1, pax: ustar Interchange Format). */
export interface UstarHeader {
  /** `0` file, `2` symbolic link, `5` folder, `x` extended header, … */
  readonly typeFlag: string;
  readonly path: string;
  readonly linkpath: string;
  /** null for a size that is not in octal digits, such as one that needs an extended header. */
  readonly bytes: number | null;
}

export const USTAR_BLOCK = 512;

const NAME = [0, 100] as const;
const SIZE = [124, 136] as const;
const CHECKSUM = [148, 156] as const;
const TYPE_FLAG = 156;
const LINK = [157, 257] as const;
const MAGIC = [257, 265] as const;
const PREFIX = [345, 500] as const;
const SPACE = 0x20;

/**
 * Reads the one form that slaves write; null for anything else. General readers accept older forms too, and differ about
 * them. This also takes a tenth of their time, which the master spends for every file of every atom.
 */
export function readUstar(block: Buffer): UstarHeader | null {
  const isUstar = block.toString('latin1', ...MAGIC) === 'ustar\x0000';
  if (!isUstar || octalIn(block, CHECKSUM) !== checksumOf(block)) {
    return null;
  }
  const name = textIn(block, NAME);
  const prefix = textIn(block, PREFIX);
  const linkpath = textIn(block, LINK);
  if (name === null || prefix === null || linkpath === null) {
    return null;
  }
  return {
    typeFlag: String.fromCharCode(block[TYPE_FLAG] ?? 0),
    path: prefix === '' ? name : `${prefix}/${name}`,
    linkpath,
    bytes: octalIn(block, SIZE),
  };
}

/** The sum of all bytes, with spaces in place of the checksum itself. */
function checksumOf(block: Buffer): number {
  let sum = (CHECKSUM[1] - CHECKSUM[0]) * SPACE;
  for (let at = 0; at < CHECKSUM[0]; at += 1) {
    sum += block[at] ?? 0;
  }
  for (let at = CHECKSUM[1]; at < USTAR_BLOCK; at += 1) {
    sum += block[at] ?? 0;
  }
  return sum;
}

/** null for bytes that are not UTF-8, which would change when decoded. */
function textIn(block: Buffer, [from, to]: readonly [number, number]): string | null {
  const field = block.subarray(from, to);
  const end = field.indexOf(0);
  const text = field.subarray(0, end === -1 ? field.length : end);
  return isUtf8(text) ? text.toString('utf8') : null;
}

function octalIn(block: Buffer, [from, to]: readonly [number, number]): number | null {
  const [, digits] = /^ *([0-7]+)[ \0]*$/.exec(block.toString('latin1', from, to)) ?? [];
  return digits === undefined ? null : Number.parseInt(digits, 8);
}
