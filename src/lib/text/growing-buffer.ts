/** Even an empty body costs this much: its connection, its request and their listeners. */
const FIRST_BYTES = 4 * 1024;

/**
 * The capacity of a buffer that has to hold `needed` bytes: at least twice the last one, so that copying stays linear,
 * and never more than `most`.
 */
export function nextCapacity(capacity: number, needed: number, most: number): number {
  if (needed <= capacity) {
    return capacity;
  }
  return Math.max(needed, Math.min(most, Math.max(FIRST_BYTES, capacity * 2)));
}

/**
 * Bytes that arrive in pieces, copied into one buffer. A list of the pieces would cost some hundred bytes for each of
 * them, and whoever sends one byte at a time would have far more held than was counted.
 */
export class GrowingBuffer {
  readonly #most: number;
  readonly #hold: (bytes: number) => void;
  #bytes = Buffer.alloc(0);
  #length = 0;

  /**
   * `most`: capacity that growing ahead of need does not exceed. `hold` is told of each increase of the memory that is
   * allocated, before it is, and may throw. A piece that is copied leaves one old buffer to the garbage collector.
   */
  constructor(most: number, hold: (bytes: number) => void = () => undefined) {
    this.#most = most;
    this.#hold = hold;
  }

  get length(): number {
    return this.#length;
  }

  /** Allocates for `bytes` in all before they arrive. @throws what `hold` throws */
  reserve(bytes: number): void {
    const capacity = nextCapacity(this.#bytes.length, bytes, this.#most);
    if (capacity > this.#bytes.length) {
      this.#hold(capacity - this.#bytes.length);
      const larger = Buffer.allocUnsafeSlow(capacity);
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
  }

  /** @throws what `hold` throws; the piece is not taken then */
  add(piece: Uint8Array): void {
    this.reserve(this.#length + piece.length);
    this.#bytes.set(piece, this.#length);
    this.#length += piece.length;
  }

  /** What was added, without another copy; what is added later may be written over it. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Forgets what was added, and keeps the memory. Views of it are then of no more use. */
  clear(): void {
    this.#length = 0;
  }
}
