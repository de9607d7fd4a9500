import type { Clock } from '../lib/clock.js';
import { slept } from '../lib/slept.js';
import type { AtomId } from '../protocol/ids.js';
import { cutConsole } from './cut-console.js';
import type { AtomProgress } from './run-subjob.js';

/** What a program prints in this time, the disk must bear beyond the limit. */
const INTERVAL_MS = 250;

/**
 * Keeps the consoles of a subjob's atoms from growing for ever: one that is too long loses its middle while the atom
 * goes on, which does not notice.
 */
export class ConsoleLimit {
  /** Bytes that are gone, of each console that lost any. */
  readonly cuts = new Map<AtomId, number>();
  readonly #maxBytes: number;
  readonly #hiddenBytes: number;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  #open: { readonly atom: AtomId; readonly path: string } | null = null;

  /** `hiddenBytes`: see cutConsole. */
  constructor(maxBytes: number, hiddenBytes: number, clock: Clock) {
    this.#maxBytes = maxBytes;
    this.#hiddenBytes = hiddenBytes;
    this.#clock = clock;
  }

  /** Told when an atom begins and ends. */
  note({ id, state }: AtomProgress, path: string): void {
    if (state === 'COMPLETED') {
      this.#look(this.#maxBytes);
      this.#open = null;
    } else {
      this.#open = { atom: id, path };
    }
  }

  /** Looks until `stop` is called. */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    while (await slept(this.#clock, INTERVAL_MS, signal)) {
      // A cut may lose what is printed in that moment: one that turns out not much too long is cut at its end.
      this.#look(this.#maxBytes * 2);
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  #look(cutAbove: number): void {
    if (this.#open === null) {
      return;
    }
    const { atom, path } = this.#open;
    const before = this.cuts.get(atom) ?? 0;
    const gone = cutConsole(path, {
      maxBytes: this.#maxBytes,
      cutAbove,
      hiddenBytes: this.#hiddenBytes,
      before,
    });
    if (gone > before) {
      this.cuts.set(atom, gone);
    }
  }
}
