/** Lines from the first to the last one, counted from 0. */
export interface LineRange {
  readonly first: number;
  readonly last: number;
}

/** The lines that a fragment names: `#L120` or `#L120-L130`, counted from 1; null for any other. */
export function lineRangeOf(hash: string): LineRange | null {
  const [, from, to] = /^#L([1-9]\d{0,14})(?:-L?([1-9]\d{0,14}))?$/.exec(hash) ?? [];
  if (from === undefined) {
    return null;
  }
  const [one, other] = [Number(from) - 1, Number(to ?? from) - 1];
  return { first: Math.min(one, other), last: Math.max(one, other) };
}

/** The fragment that names these lines. */
export function hashOf({ first, last }: LineRange): string {
  return first === last ? `#L${first + 1}` : `#L${first + 1}-L${last + 1}`;
}

/** The range after a click on the number of a line; `extends`: up to that line, as with Shift. */
export function selectedRange(before: LineRange | null, line: number, isExtended: boolean): LineRange {
  return isExtended && before !== null
    ? { first: Math.min(before.first, line), last: Math.max(before.first, line) }
    : { first: line, last: line };
}
