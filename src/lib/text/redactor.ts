/** Shorter texts are no secrets, and redacting them would hide too much else. */
export const MIN_MASKED_CHARS = 4;
/** A longer line is redacted piece by piece, which bounds what is held back. */
const MAX_BYTES = 4096;
const STAR = 0x2a;

/**
 * Redacts texts that must not be shown. Each byte of them is replaced by `*`, so length, lines and positions stay the same.
 */
export class Redactor {
  readonly #texts: readonly Buffer[];
  readonly #longest: number;

  /** Each line of a text is redacted by itself; lines that are too short are not. */
  constructor(texts: readonly string[]) {
    const lines = texts.flatMap((text) => text.split(/\r?\n/));
    const long = lines.filter((line) => [...line].length >= MIN_MASKED_CHARS);
    this.#texts = long.flatMap((line) => piecesOf(Buffer.from(line)));
    this.#longest = Math.max(0, ...this.#texts.map((text) => text.length));
  }

  /** How many bytes before a position may belong to a text that continues after it. */
  get reach(): number {
    return Math.max(0, this.#longest - 1);
  }

  stream(): RedactedStream {
    return new RedactedStream(this.#texts);
  }

  /** Redacts the end of an output, which may begin within one of the texts. */
  inEnd(output: string): string {
    const bytes = Buffer.from(output);
    const stream = this.stream();
    const masked = Buffer.concat([stream.push(bytes), stream.end()]);
    const cut = Math.max(0, ...this.#texts.map((text) => lengthOfCut(text, bytes)));
    return masked.fill(STAR, 0, cut).toString();
  }
}

/** Redacts a stream of pieces, also where a text spans several of them. */
export class RedactedStream {
  readonly #texts: readonly Buffer[];
  /** A possible beginning of a text; shorter than the longest text. */
  #held: Buffer = Buffer.alloc(0);
  /** How many of its first bytes are the end of a text. */
  #heldMasked = 0;

  constructor(texts: readonly Buffer[]) {
    this.#texts = texts;
  }

  /** Bytes that are held back. */
  get held(): number {
    return this.#held.length;
  }

  /** @returns all bytes that are final by now, and were not returned before */
  push(piece: Buffer): Buffer {
    if (this.#texts.length === 0) {
      return piece;
    }
    const all = Buffer.concat([this.#held, piece]);
    const cut = all.length - this.#lengthOfBeginning(all);
    const { masked, maskedAfter } = this.#mask(all, cut);
    this.#held = all.subarray(cut);
    this.#heldMasked = maskedAfter;
    return masked.subarray(0, cut);
  }

  /** @returns the bytes held back, at the end */
  end(): Buffer {
    const { masked } = this.#mask(this.#held, this.#held.length);
    this.#held = Buffer.alloc(0);
    this.#heldMasked = 0;
    return masked;
  }

  /** `maskedAfter`: how far a redacted text reaches beyond `cut`. */
  #mask(all: Buffer, cut: number): { masked: Buffer; maskedAfter: number } {
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
    return { masked, maskedAfter: Math.max(0, reached - cut) };
  }

  /** Length of the longest end of the bytes that is a proper prefix of a text. */
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

/** Length of the longest beginning of the bytes that is a suffix of the text, unless that is too short to tell. */
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
  // The last piece overlaps the one before it, so that it is not too short to be redacted.
  return Array.from({ length: count }, (_, index) => {
    const begin = Math.min(index * MAX_BYTES, line.length - MAX_BYTES);
    return line.subarray(begin, begin + MAX_BYTES);
  });
}
