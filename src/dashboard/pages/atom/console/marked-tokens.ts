import { type AnsiToken, tokensWithin } from '../../../parts/ansi/ansi-tokens.js';

/** Tokens of one part of a line that a search has found, or of a part in between. */
export interface MarkedPart {
  readonly start: number;
  readonly isMatch: boolean;
  readonly tokens: readonly AnsiToken[];
}

interface Marks {
  /** The text that is shown, in UTF-16 units of the line. */
  readonly from: number;
  readonly to: number;
  readonly ranges: readonly { readonly start: number; readonly end: number }[];
}

/** Divides tokens at the ranges, which are in order and do not overlap. */
export function markedParts(tokens: readonly AnsiToken[], { from, to, ranges }: Marks): MarkedPart[] {
  const parts: MarkedPart[] = [];
  const add = (start: number, end: number, isMatch: boolean) => {
    const within = tokensWithin(tokens, Math.max(from, start), Math.min(to, end));
    if (within.length > 0) {
      parts.push({ start: Math.max(from, start), isMatch, tokens: within });
    }
  };
  let at = from;
  for (const { start, end } of ranges) {
    add(at, start, false);
    add(start, end, true);
    at = Math.max(at, end);
  }
  add(at, to, false);
  return parts;
}

/** No line has more marks: each takes an element. */
const MAX_RANGES = 200;

/**
 * Where a plain text is in a line. `isExact`: upper and lower case differ.
 */
export function rangesOfText(
  line: string,
  wanted: string,
  isExact: boolean,
): { readonly start: number; readonly end: number }[] {
  const expression = new RegExp(wanted.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), isExact ? 'gu' : 'giu');
  const ranges: { start: number; end: number }[] = [];
  for (const found of line.matchAll(expression)) {
    ranges.push({ start: found.index, end: found.index + found[0].length });
    if (ranges.length === MAX_RANGES) {
      break;
    }
  }
  return ranges;
}
