import { countLineEnds } from '../../../lib/text/line-ends.js';
import { stripControlChars } from '../../../lib/text/strip-control-chars.js';
import { textStart } from '../../../lib/text/text-ends.js';
import type { ConsoleMatch, ConsoleSearch } from '../../../protocol/build/console-search.js';
import type { ConsoleSource } from '../page.js';
import type { Found, LineMatcher } from './line-matcher.js';
import { wholeLines } from './whole-lines.js';

/** UTF-16 units of a line that a match shows … */
const MAX_TEXT = 400;
/** … of which so many precede the match. */
const TEXT_BEFORE = 100;

export interface SearchRequest {
  readonly fromLine: number;
  /** The search stops at so many matches. */
  readonly maxMatches: number;
}

/**
 * Searches a console line by line, until there are enough matches, `isOver` says so, or the console ends; at least one group
 * of lines, so that continuing always gets further. A line that the pages cut is searched as far as they show it.
 */
export async function searchLines(
  source: ConsoleSource,
  matcher: LineMatcher,
  { fromLine, maxMatches }: SearchRequest,
  isOver: () => boolean,
): Promise<ConsoleSearch> {
  const { totalLines } = source;
  const matches: ConsoleMatch[] = [];
  // The beginning may not be kept.
  const first = Math.min(totalLines, Math.max(fromLine, source.placeBefore(fromLine).lineEnds));
  let line = first;
  const result = () => ({
    matches,
    from_line: first,
    scanned_to_line: line,
    done: line >= totalLines,
    total_num_lines: totalLines,
  });
  while (line < totalLines) {
    const before = line;
    const place = source.placeBefore(line);
    for await (const { bytes, isCut } of wholeLines(source.read(place.position), line - place.lineEnds)) {
      const visible = stripControlChars(bytes.toString('utf8'));
      const text = visible.endsWith('\n') ? visible : `${visible}\n`;
      const end = Math.min(totalLines, line + Math.max(1, countLineEnds(bytes)));
      const found = matchesIn(text, line, matcher, maxMatches - matches.length);
      matches.push(...found.filter((match) => match.line < end));
      const isFull = matches.length >= maxMatches;
      line = isFull ? (matches.at(-1)?.line ?? 0) + 1 : end;
      if (line >= totalLines || isFull || isOver()) {
        return result();
      }
      if (isCut) {
        break;
      }
    }
    if (line === before) {
      throw new Error('A console has fewer lines than its index says.');
    }
  }
  return result();
}

/** The first `most` matching lines of a text whose lines all have their ends. `line`: number of its first line. */
function matchesIn(text: string, line: number, matcher: LineMatcher, most: number): ConsoleMatch[] {
  const matches: ConsoleMatch[] = [];
  let number = line;
  for (let at = 0; at < text.length && matches.length < most; ) {
    const found = matcher.first(text, at);
    if (found === null) {
      break;
    }
    const start = found.start === 0 ? 0 : text.lastIndexOf('\n', found.start - 1) + 1;
    number += lineEndsIn(text, at, start);
    const end = text.indexOf('\n', found.end);
    const inLine = { start: found.start - start, end: found.end - start };
    matches.push(matchIn(text.slice(start, end), number, inLine));
    number += 1;
    at = end + 1;
  }
  return matches;
}

function matchIn(line: string, number: number, { start, end }: Found): ConsoleMatch {
  const from = line.length <= MAX_TEXT ? 0 : Math.max(0, start - TEXT_BEFORE);
  const textColumn = from > 0 && isLowSurrogate(line.charCodeAt(from)) ? from + 1 : from;
  return {
    line: number,
    column: start,
    length: end - start,
    text: textStart(line.slice(textColumn), MAX_TEXT),
    text_column: textColumn,
  };
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function lineEndsIn(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at !== -1 && at < to; at = text.indexOf('\n', at + 1)) {
    count += 1;
  }
  return count;
}
