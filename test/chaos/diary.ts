/** Events of a run, each line with the seconds since its start, and its violations. */
export class Diary {
  readonly #started = performance.now();
  readonly #write: (line: string) => void;
  readonly #faults = new Map<string, number>();
  readonly #violations: string[] = [];

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  say(text: string): void {
    const seconds = (performance.now() - this.#started) / 1000;
    this.#write(`${seconds.toFixed(3).padStart(9)}  ${text}`);
  }

  /** Faults are counted by `kind`. */
  fault(kind: string, text: string): void {
    this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + 1);
    this.say(`${kind}: ${text}`);
  }

  violation(text: string): void {
    this.#violations.push(text);
    this.say(`VIOLATION: ${text}`);
  }

  get violations(): readonly string[] {
    return this.#violations;
  }

  /** Sorted by name. */
  get faults(): ReadonlyMap<string, number> {
    return new Map([...this.#faults].sort(([a], [b]) => a.localeCompare(b)));
  }
}
