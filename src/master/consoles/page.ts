import type { ConsolePage } from '../../protocol/build/work.js';

/** A console that can be read from near any line. */
export interface ConsoleSource {
  /** Number of lines, including a last one without a line feed. */
  readonly totalLines: number;
  /** A position at or before `line`, and how many lines end before it. */
  placeBefore(line: number): { readonly position: number; readonly lineEnds: number };
  /** The console's bytes from `position` to its end, in pieces of bounded size, read on demand. */
  read(position: number): AsyncIterable<Buffer>;
}

export interface PageRequest {
  /** From 0; null: the last `maxLines` lines. */
  readonly offsetLine: number | null;
  readonly maxLines: number;
}

/** The largest page, so that neither many nor long lines fill the memory. */
export const MAX_PAGE_BYTES = 1024 * 1024;
const LINE_END = 0x0a;

/**
 * One page of a console. It ends before a line that would make it too large; a line that is too large by itself is cut
 * and marked with an ellipsis. Bytes that are not UTF-8 are replaced.
 */
export async function readPage(source: ConsoleSource, request: PageRequest): Promise<ConsolePage> {
  if (request.offsetLine !== null) {
    return pageFrom(source, request.offsetLine, request.maxLines);
  }
  // The end is wanted, so rather fewer lines than a page that stops before it.
  for (let lines = Math.min(request.maxLines, source.totalLines); ; lines = Math.ceil(lines / 2)) {
    const page = await pageFrom(source, source.totalLines - lines, lines);
    if (lines <= 1 || page.offset_line + page.num_lines >= source.totalLines) {
      return page;
    }
  }
}

async function pageFrom(source: ConsoleSource, offsetLine: number, maxLines: number): Promise<ConsolePage> {
  const total = source.totalLines;
  const wanted = Math.max(0, Math.min(maxLines, total - offsetLine));
  const page =
    wanted === 0
      ? { bytes: Buffer.alloc(0), lines: 0, cut: false }
      : await collect(source, offsetLine, wanted);
  return {
    offset_line: offsetLine,
    num_lines: page.lines,
    total_num_lines: total,
    content: page.bytes.toString('utf8') + (page.cut ? '…\n' : ''),
  };
}

async function collect(
  source: ConsoleSource,
  offsetLine: number,
  wanted: number,
): Promise<{ bytes: Buffer; lines: number; cut: boolean }> {
  const place = source.placeBefore(offsetLine);
  let toSkip = offsetLine - place.lineEnds;
  let lines = 0;
  let size = 0;
  /** Bytes of whole lines in `pieces`. */
  let whole = 0;
  const pieces: Buffer[] = [];
  for await (const piece of source.read(place.position)) {
    let at = 0;
    for (; toSkip > 0 && at < piece.length; toSkip -= 1) {
      const end = piece.indexOf(LINE_END, at);
      if (end === -1) {
        break;
      }
      at = end + 1;
    }
    if (toSkip > 0) {
      continue;
    }
    const start = at;
    while (lines < wanted && at < piece.length) {
      const end = piece.indexOf(LINE_END, at);
      at = end === -1 ? piece.length : end + 1;
      if (size + at - start > MAX_PAGE_BYTES) {
        break;
      }
      if (end !== -1) {
        lines += 1;
        whole = size + at - start;
      }
    }
    pieces.push(piece.subarray(start, at));
    size += at - start;
    if (lines === wanted || size > MAX_PAGE_BYTES) {
      break;
    }
  }
  const bytes = Buffer.concat(pieces);
  if (size > MAX_PAGE_BYTES) {
    return lines > 0
      ? { bytes: bytes.subarray(0, whole), lines, cut: false }
      : { bytes: bytes.subarray(0, MAX_PAGE_BYTES), lines: 1, cut: true };
  }
  // The remainder is the console's last line, without a line feed.
  return { bytes, lines: lines + (size > whole ? 1 : 0), cut: false };
}
