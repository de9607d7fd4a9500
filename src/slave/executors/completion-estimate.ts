/** Estimates when a running subjob will end, and its executor be free. All times in milliseconds of one monotonic clock. */
export class CompletionEstimate {
  readonly #atoms: number;
  readonly #expectedMs: number | null;
  readonly #start: number;
  #ended = 0;
  #lastEnd: number;

  /**
   * `expectedSeconds`: what the master expects from earlier builds; null when it knows nothing. `now`: when the first atom
   * begins.
   */
  constructor(atoms: number, expectedSeconds: number | null, now: number) {
    this.#atoms = atoms;
    this.#expectedMs = expectedSeconds === null ? null : expectedSeconds * 1000;
    this.#start = now;
    this.#lastEnd = now;
  }

  noteEnded(now: number): void {
    this.#ended += 1;
    this.#lastEnd = now;
  }

  /** By the master's expectation, or else by the average of the atoms that have ended. null while nothing is known. */
  get end(): number | null {
    if (this.#expectedMs !== null) {
      return this.#start + this.#expectedMs;
    }
    const average = (this.#lastEnd - this.#start) / this.#ended;
    return this.#ended === 0 ? null : this.#lastEnd + average * (this.#atoms - this.#ended);
  }
}
