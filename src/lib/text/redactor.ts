/** Of shorter texts too much else would be masked; they are no secrets. */
export const MIN_MASKED_CHARS = 4;
/** A longer line is masked piece by piece, so that no more than this is ever held back. */
const MAX_BYTES = 4096;
const STAR = 0x2a;

/**
 * Texts that must not be shown. Each of their bytes is replaced by `*`, so what is masked is as long as it was and has
 * as many lines, and every position in it stays right.
 */
export class Redactor {
  readonly #texts: readonly Buffer[];
  readonly #longest: number;

  /** Of a text of several lines each line is masked by itself; lines that are too short are left. */
  constructor(texts: readonly string[]) {
    const lines = texts.flatMap((text) => text.split(/\r?\n/));
    const long = lines.filter((line) => [...line].length >= MIN_MASKED_CHARS);
    this.#texts = long.flatMap((line) => piecesOf(Buffer.from(line)));
    this.#longest = Math.max(0, ...this.#texts.map((text) => text.length));
  }

  /** How many bytes before a place can belong to a text that goes on behind it. */
  get reach(): number {
    return Math.max(0, this.#longest - 1);
  }

  stream(): RedactedStream {
    return new RedactedStream(this.#texts);
  }

  /** The end of an output, of which the beginning may cut one of the texts in two. */
  inEnd(output: string): string {
    const bytes = Buffer.from(output);
    const stream = this.stream();
    const masked = Buffer.concat([stream.push(bytes), stream.end()]);
    const cut = Math.max(0, ...this.#texts.map((text) => lengthOfCut(text, bytes)));
    return masked.fill(STAR, 0, cut).toString();
  }
}

/** Masks what goes by in pieces, also a text that lies in several of them. */
export class RedactedStream {
  readonly #texts: readonly Buffer[];
  /** What may be the beginning of a text; less than the longest of them. */
  #held: Buffer = Buffer.alloc(0);
  /** So many of its first bytes are the end of a text that was seen. */
  #heldMasked = 0;

  constructor(texts: readonly Buffer[]) {
    this.#texts = texts;
  }

  /** Bytes that were pushed and have not come out yet. */
  get held(): number {
    return this.#held.length;
  }

  /** All that can be said of what was pushed so far, and did not come out before. */
  push(piece: Buffer): Buffer {
    if (this.#texts.length === 0) {
      return piece;
    }
    const all = Buffer.concat([this.#held, piece]);
    const cut = all.length - this.#lengthOfBeginning(all);
    const { masked, maskedBehind } = this.#mask(all, cut);
    this.#held = all.subarray(cut);
    this.#heldMasked = maskedBehind;
    return masked.subarray(0, cut);
  }

  /** What was held back, now that nothing follows. */
  end(): Buffer {
    const { masked } = this.#mask(this.#held, this.#held.length);
    this.#held = Buffer.alloc(0);
    this.#heldMasked = 0;
    return masked;
  }

  /** `maskedBehind`: how far what is masked reaches beyond `cut`. */
  #mask(all: Buffer, cut: number): { masked: Buffer; maskedBehind: number } {
    const masked = Buffer.from(all).fill(STAR, 0, this.#heldMasked);
    let reached = this.#heldMasked;
    for (const text of this.#texts) {
      for (let at = all.indexOf(text); at !== -1; at = all.indexOf(text, at + 1)) {
        masked.fill(STAR, at, at + text.length);
        if (at < cut) {
          reached = Math.max(reached, at + text.length);
        }
      }
    }
    return { masked, maskedBehind: Math.max(0, reached - cut) };
  }

  /** Of the longest end of the bytes that one of the texts begins with, and does not end with. */
  #lengthOfBeginning(bytes: Buffer): number {
    return Math.max(
      0,
      ...this.#texts.map((text) => {
        for (let length = Math.min(text.length - 1, bytes.length); length > 0; length -= 1) {
          if (bytes.subarray(bytes.length - length).equals(text.subarray(0, length))) {
            return length;
          }
        }
        return 0;
      }),
    );
  }
}

/** Of the longest beginning of the bytes that the text ends with, unless it is too short to tell. */
function lengthOfCut(text: Buffer, bytes: Buffer): number {
  for (let length = Math.min(text.length - 1, bytes.length); length >= MIN_MASKED_CHARS; length -= 1) {
    if (bytes.subarray(0, length).equals(text.subarray(text.length - length))) {
      return length;
    }
  }
  return 0;
}

function piecesOf(line: Buffer): Buffer[] {
  if (line.length <= MAX_BYTES) {
    return [line];
  }
  const count = Math.ceil(line.length / MAX_BYTES);
  // The last one overlaps the one before it, so that it is not too short to be masked.
  return Array.from({ length: count }, (_, index) => {
    const begin = Math.min(index * MAX_BYTES, line.length - MAX_BYTES);
    return line.subarray(begin, begin + MAX_BYTES);
  });
}
