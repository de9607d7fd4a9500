import { type AtomId, toId } from '../../protocol/ids.js';

/** So many changes are remembered: those of half a minute at a thousand atoms a second. */
const REMEMBERED = 32_768;

/**
 * The atoms of a build that have changed lately, for readers who have seen the earlier state of all of them. Changes are
 * counted, and noted when the store has them; so a reader who takes the count before reading misses nothing.
 */
export class AtomChanges {
  #count = 0;
  /** Changes before this one are forgotten. */
  #oldest = 0;
  /** null until somebody asks. */
  #ring: Uint32Array | null = null;

  /** The number of changes so far. From the first call on, changes are remembered. */
  get count(): number {
    this.#ring ??= new Uint32Array(REMEMBERED);
    return this.#count;
  }

  note(atoms: Iterable<AtomId>): void {
    if (this.#ring === null) {
      return;
    }
    for (const atom of atoms) {
      this.#ring[this.#count % REMEMBERED] = atom;
      this.#count += 1;
    }
    this.#oldest = Math.max(this.#oldest, this.#count - REMEMBERED);
  }

  /** Any atom may have changed. */
  noteAll(): void {
    this.#count += 1;
    this.#oldest = this.#count;
  }

  /** The atoms of all changes but the first `count`, each once; null when it is not known which they are. */
  since(count: number): AtomId[] | null {
    const ring = this.#ring;
    if (ring === null || count < this.#oldest || count > this.#count) {
      return null;
    }
    const changed = new Set<number>();
    for (let at = count; at < this.#count; at += 1) {
      changed.add(ring[at % REMEMBERED] ?? 0);
    }
    return [...changed].map(toId.atom);
  }
}
