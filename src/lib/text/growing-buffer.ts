/** The first capacity; even an empty body costs about this much for its connection and request. */
const FIRST_BYTES = 4 * 1024;

/**
 * The capacity of a buffer that has to hold `needed` bytes: at least twice the last one, so that copying stays linear, and
 * at most `most` unless more is needed.
 */
export function nextCapacity(capacity: number, needed: number, most: number): number {
  if (needed <= capacity) {
    return capacity;
  }
  return Math.max(needed, Math.min(most, Math.max(FIRST_BYTES, capacity * 2)));
}

/**
 * Bytes that arrive in pieces, copied into one buffer. A list of pieces would cost some hundred bytes for each, so a sender
 * of single bytes would use far more memory than counted.
 */
export class GrowingBuffer {
  readonly #most: number;
  readonly #hold: (bytes: number) => void;
  #bytes = Buffer.alloc(0);
  #length = 0;

  /**
   * `most`: capacity that growing ahead of need does not exceed. `hold` is called with each increase of the capacity before
   * it is allocated, and may throw.
   */
  constructor(most: number, hold: (bytes: number) => void = () => undefined) {
    this.#most = most;
    this.#hold = hold;
  }

  get length(): number {
    return this.#length;
  }

  /** Allocates a capacity of `bytes`. @throws what `hold` throws */
  reserve(bytes: number): void {
    const capacity = nextCapacity(this.#bytes.length, bytes, this.#most);
    if (capacity > this.#bytes.length) {
      this.#hold(capacity - this.#bytes.length);
      const larger = Buffer.allocUnsafeSlow(capacity);
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
  }

  /** @throws what `hold` throws; the piece is not added then */
  add(piece: Uint8Array): void {
    this.reserve(this.#length + piece.length);
    this.#bytes.set(piece, this.#length);
    this.#length += piece.length;
  }

  /** The content, not copied; later pieces may overwrite it. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Empties the buffer and keeps its memory. Earlier views become invalid. */
  clear(): void {
    this.#length = 0;
  }
}
