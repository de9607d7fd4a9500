import type { ConsoleMatch, ConsoleSearch } from '../../../../protocol/build/console-search.js';

/** The place of a match in the visible text of its line. */
export type FoundMatch = Pick<ConsoleMatch, 'line' | 'column' | 'length'>;

/** How many matches are looked for at once; the next ones when somebody goes beyond them. */
const MATCHES_AT_ONCE = 5_000;

/** A search through a console, as far as it has come. */
export interface SearchProgress {
  /** In order of line, one for each. */
  readonly matches: readonly FoundMatch[];
  /** The next request begins here. */
  readonly fromLine: number;
  readonly totalLines: number;
  /** Whether all lines were searched, so far if the atom still runs. */
  readonly isDone: boolean;
  /** The search waits at so many matches, until more are wanted. */
  readonly limit: number;
}

export const notSearched: SearchProgress = {
  matches: [],
  fromLine: 0,
  totalLines: 0,
  isDone: false,
  limit: MATCHES_AT_ONCE,
};

/** Whether the search is to go on by itself. */
export function goesOn({ isDone, matches, limit }: SearchProgress): boolean {
  return !isDone && matches.length < limit;
}

/** The search after a response. */
export function searchedFurther(before: SearchProgress, part: ConsoleSearch): SearchProgress {
  const last = before.matches.at(-1)?.line ?? -1;
  const found = part.matches
    .filter(({ line }) => line > last)
    .map(({ line, column, length }) => ({ line, column, length }));
  return {
    ...before,
    matches: [...before.matches, ...found],
    fromLine: part.scanned_to_line,
    totalLines: part.total_num_lines,
    isDone: part.done,
  };
}

/** The search when the console has more lines: the last one may have grown since it was searched. */
export function withMoreLines(before: SearchProgress, totalLines: number): SearchProgress {
  return before.isDone && totalLines > before.totalLines
    ? { ...before, isDone: false, fromLine: Math.max(0, before.fromLine - 1) }
    : before;
}

/** The search when somebody has gone to its last match. */
export function withMoreMatches(before: SearchProgress): SearchProgress {
  return { ...before, limit: before.matches.length + MATCHES_AT_ONCE };
}

/**
 * The place in `matches` of the next match after a line, or of the one before it, around the end; null when there is none.
 * `line` is the current match's, or else the first visible line, whose own match counts as the next one.
 */
export function nextMatch(
  matches: readonly FoundMatch[],
  {
    line,
    isMatch,
    direction,
  }: { readonly line: number; readonly isMatch: boolean; readonly direction: 1 | -1 },
): number | null {
  if (matches.length === 0) {
    return null;
  }
  const after = firstFrom(matches, direction === 1 && isMatch ? line + 1 : line);
  const place = direction === 1 ? after : after - 1;
  return (place + matches.length) % matches.length;
}

/** The place of the first match in this line or a later one. */
export function firstFrom(matches: readonly FoundMatch[], line: number): number {
  let low = 0;
  let high = matches.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((matches[middle]?.line ?? 0) < line) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** The match in a line; null for none. */
export function matchIn(matches: readonly FoundMatch[], line: number): FoundMatch | null {
  const match = matches[firstFrom(matches, line)];
  return match?.line === line ? match : null;
}
