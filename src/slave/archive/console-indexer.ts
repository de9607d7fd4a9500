import type { AtomId } from '../../protocol/ids.js';
import { BLOCK_BYTES, type ConsoleIndex } from '../../protocol/results/result-index.js';

const LINE_END = 0x0a;

/** Notes, while a console's bytes go by, how many of its lines end before each block boundary of the tar. */
export class ConsoleIndexer {
  readonly #atom: AtomId;
  readonly #offset: number;
  readonly #marks: number[] = [];
  #bytes = 0;
  #lineEnds = 0;
  #endsInLine = false;

  /** `offset`: where the console's first byte lies in the tar. */
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
    // A boundary that is the console's very end has nothing of it behind it.
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

function countLineEnds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_END); at !== -1; at = bytes.indexOf(LINE_END, at + 1)) {
    count += 1;
  }
  return count;
}
