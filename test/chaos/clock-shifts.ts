interface Shift {
  /** In the time of this process. */
  readonly since: number;
  readonly offset: number;
}

/** A process that is continued keeps its old offset for a moment. */
const LATE_MS = 15_000;

/** How far the wall clock of a process was off, and when. */
export class ClockShifts {
  readonly #shifts: Shift[] = [{ since: Number.NEGATIVE_INFINITY, offset: 0 }];

  /** From now on it is off by `offset` milliseconds. */
  note(now: number, offset: number): void {
    this.#shifts.push({ since: now, offset });
  }

  /** The first and the last moment at which that clock may have shown this time. */
  momentsOf(shown: number): { readonly first: number; readonly last: number } {
    const moments = this.#shifts.flatMap(({ since, offset }, index) => {
      const until = this.#shifts[index + 1]?.since ?? Number.POSITIVE_INFINITY;
      const moment = shown - offset;
      return moment >= since && moment <= until + LATE_MS ? [moment] : [];
    });
    return moments.length === 0
      ? { first: Number.NEGATIVE_INFINITY, last: Number.POSITIVE_INFINITY }
      : { first: Math.min(...moments), last: Math.max(...moments) };
  }
}
