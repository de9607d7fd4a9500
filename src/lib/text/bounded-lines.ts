const LINE_FEED = 0x0a;

/** Splits bytes that arrive in pieces into lines of at most `maxBytes`, without their ends. */
export class BoundedLines {
  readonly #maxBytes: number;
  #rest: Buffer[] = [];
  #restBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Returns the lines that the piece completes, in order. `isTooLong`: the next line is longer than `maxBytes`. Nothing may be
   * pushed after that.
   */
  push(piece: Buffer): { readonly lines: readonly string[]; readonly isTooLong: boolean } {
    const lines: string[] = [];
    let from = 0;
    for (let end = piece.indexOf(LINE_FEED); end !== -1; end = piece.indexOf(LINE_FEED, from)) {
      if (!this.#keep(piece.subarray(from, end))) {
        return { lines, isTooLong: true };
      }
      lines.push(Buffer.concat(this.#rest).toString('utf8'));
      this.#rest = [];
      this.#restBytes = 0;
      from = end + 1;
    }
    return { lines, isTooLong: !this.#keep(Buffer.from(piece.subarray(from))) };
  }

  #keep(bytes: Buffer): boolean {
    this.#restBytes += bytes.length;
    if (this.#restBytes > this.#maxBytes) {
      return false;
    }
    if (bytes.length > 0) {
      this.#rest.push(bytes);
    }
    return true;
  }
}
