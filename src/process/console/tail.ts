import { utf8End } from '../../lib/text/text-ends.js';

/** Keeps the last `maxBytes` of what is written to it. */
export class Tail {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #cut = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  write(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > 2 * this.#maxBytes) {
      this.#compact();
    }
  }

  /** Begins with an ellipsis when something was cut off. */
  text(): string {
    this.#compact();
    return (this.#cut ? '…' : '') + Buffer.concat(this.#chunks).toString('utf8');
  }

  #compact(): void {
    const all = Buffer.concat(this.#chunks);
    const kept = utf8End(all, this.#maxBytes);
    this.#cut ||= kept.length < all.length;
    this.#chunks = [Buffer.from(kept)];
    this.#bytes = kept.length;
  }
}
