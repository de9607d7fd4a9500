import { LINE_END } from '../../../lib/text/line-ends.js';
import { MAX_PAGE_BYTES } from '../page.js';

/** So many bytes of lines are searched at once: small enough to look at the time between two of them. */
const GROUP_BYTES = 64 * 1024;

export interface LineGroup {
  /** Whole lines; the last one of the console may lack its line feed. */
  readonly bytes: Buffer;
  /** Whether the rest of its single line is left out, and nothing follows. */
  readonly isCut: boolean;
}

/**
 * Divides the rest of a console into groups of whole lines, after `skipped` line ends. A line is cut where the pages of the
 * console cut it. Unless its end is near, the groups then stop, for the caller can find its end faster.
 */
export async function* wholeLines(pieces: AsyncIterable<Buffer>, skipped: number): AsyncGenerator<LineGroup> {
  let toSkip = skipped;
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (const piece of pieces) {
    let at = 0;
    for (; toSkip > 0; toSkip -= 1) {
      const end = piece.indexOf(LINE_END, at);
      if (end === -1) {
        break;
      }
      at = end + 1;
    }
    while (toSkip === 0 && at < piece.length) {
      const end = heldBytes > 0 ? piece.indexOf(LINE_END, at) : groupEnd(piece, at);
      const part = piece.subarray(at, end === -1 ? piece.length : end + 1);
      at += part.length;
      if (heldBytes + part.length > MAX_PAGE_BYTES) {
        const isCut = end === -1;
        yield { bytes: cutLine([...held, part]), isCut };
        if (isCut) {
          return;
        }
      } else if (end !== -1) {
        yield { bytes: heldBytes === 0 ? part : Buffer.concat([...held, part]), isCut: false };
      } else {
        held.push(part);
        heldBytes += part.length;
        continue;
      }
      held = [];
      heldBytes = 0;
    }
  }
  if (heldBytes > 0) {
    yield { bytes: Buffer.concat(held), isCut: false };
  }
}

/** The last line end of a group that begins at `at`, or that of its first line; -1 when the piece has none. */
function groupEnd(piece: Buffer, at: number): number {
  const last = piece.lastIndexOf(LINE_END, at + GROUP_BYTES - 1);
  return last >= at ? last : piece.indexOf(LINE_END, at);
}

function cutLine(parts: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.concat(parts).subarray(0, MAX_PAGE_BYTES), Buffer.of(LINE_END)]);
}
