import type { ConsoleSource } from '../../src/master/consoles/page.js';

/** The lines of a text as an editor would count them, each with its end. */
export function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** A console in memory that is read in pieces of `pieceBytes`, from any multiple of `stride` bytes. */
export function consoleInMemory(content: Buffer, pieceBytes: number, stride: number): ConsoleSource {
  const lineEndsBefore = (position: number) => content.subarray(0, position).filter((b) => b === 10).length;
  return {
    totalLines: lineEndsBefore(content.length) + (content.length > 0 && content.at(-1) !== 10 ? 1 : 0),
    placeBefore(line) {
      let best = { position: 0, lineEnds: 0 };
      for (let position = stride; position < content.length; position += stride) {
        const lineEnds = lineEndsBefore(position);
        if (lineEnds < line) {
          best = { position, lineEnds };
        }
      }
      return best;
    },
    async *read(position) {
      for (let at = position; at < content.length; at += pieceBytes) {
        yield content.subarray(at, at + pieceBytes);
      }
    },
  };
}
