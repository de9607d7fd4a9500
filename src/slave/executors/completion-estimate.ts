/** How far a running subjob is, so that it can be told when its executor will be free. Milliseconds of one clock. */
export class CompletionEstimate {
  readonly #atoms: number;
  readonly #expectedMs: number | null;
  readonly #begun: number;
  #ended = 0;
  #lastEnd: number;

  /** `expectedSeconds` as the master knows it from history; null without. `now`: its first atom begins. */
  constructor(atoms: number, expectedSeconds: number | null, now: number) {
    this.#atoms = atoms;
    this.#expectedMs = expectedSeconds === null ? null : expectedSeconds * 1000;
    this.#begun = now;
    this.#lastEnd = now;
  }

  noteEnded(now: number): void {
    this.#ended += 1;
    this.#lastEnd = now;
  }

  /**
   * When it is expected to end: by history, or else as if the atoms that are left took as long as those before. null
   * when nothing is known.
   */
  get end(): number | null {
    if (this.#expectedMs !== null) {
      return this.#begun + this.#expectedMs;
    }
    return this.#ended === 0
      ? null
      : this.#lastEnd + ((this.#lastEnd - this.#begun) / this.#ended) * (this.#atoms - this.#ended);
  }
}
