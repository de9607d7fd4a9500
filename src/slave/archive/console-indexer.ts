import { countLineEnds, LINE_END } from '../../lib/text/line-ends.js';
import type { AtomId } from '../../protocol/ids.js';
import { BLOCK_BYTES, type ConsoleIndex } from '../../protocol/results/result-index.js';

/** Counts, while a console passes through, how many of its lines end before each block boundary of the tar. */
export class ConsoleIndexer {
  readonly #atom: AtomId;
  readonly #offset: number;
  readonly #marks: number[] = [];
  #bytes = 0;
  #lineEnds = 0;
  #endsInLine = false;

  /** `offset`: of the console's first byte in the tar. */
  constructor(atom: AtomId, offset: number) {
    this.#atom = atom;
    this.#offset = offset;
  }

  pass(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const place = this.#offset + this.#bytes;
      const part = chunk.subarray(at, at + BLOCK_BYTES - (place % BLOCK_BYTES));
      this.#lineEnds += countLineEnds(part);
      this.#bytes += part.length;
      this.#endsInLine = part.at(-1) !== LINE_END;
      at += part.length;
      if ((place + part.length) % BLOCK_BYTES === 0) {
        this.#marks.push(this.#lineEnds);
      }
    }
  }

  index(): ConsoleIndex {
    const end = this.#offset + this.#bytes;
    // A boundary at the very end of the console needs no mark.
    const marks = end % BLOCK_BYTES === 0 ? this.#marks.slice(0, -1) : this.#marks;
    return {
      atom_id: this.#atom,
      offset: this.#offset,
      bytes: this.#bytes,
      lines: this.#lineEnds + (this.#endsInLine ? 1 : 0),
      marks,
    };
  }
}
