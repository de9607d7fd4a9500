import type { DurationEstimate } from './duration-estimate.js';

/** So many atoms must have shown how long they take before others are judged by them. */
const ATOMS_TO_LEARN_FROM = 8;
/** … and so many before one is held to be late: a second run of one atom costs little, and a small build has no more. */
const ATOMS_TO_BE_LATE_BESIDE = 3;
/** … and so many before people are told how long the rest may take: they would rather have a rough guess soon. */
const ATOMS_TO_GUESS_FROM = 3;

/** What atoms took that have ended: all of them together. */
export interface Ended {
  readonly seconds: number;
  readonly atoms: number;
}

export const nothingEnded: Ended = { seconds: 0, atoms: 0 };

interface Part extends DurationEstimate {
  /** How many. */
  readonly atoms: number;
}

/** How long the rest of a build takes: by what earlier builds have shown, and by its own atoms that have ended. */
export class RemainingTimeEstimator {
  #undoneAtoms = 0;
  #secondsOfUndone: number | null = null;
  #ofHistory = false;
  #learned = nothingEnded;

  /** Expected seconds of all that has no verdict; null when nothing is known of some of it. */
  get secondsOfUndone(): number | null {
    return this.#secondsOfUndone;
  }

  /** The same, or else as far as can be told from the atoms that have ended. */
  get secondsOfRest(): number | null {
    const perAtom = this.#secondsPerAtom;
    return this.#secondsOfUndone ?? (perAtom === null ? null : perAtom * this.#undoneAtoms);
  }

  /** The same for people, who want it soon. `reported` has ended too, in subjobs that have no verdict. */
  restAfter(reported: Ended): number | null {
    if (this.#secondsOfUndone !== null) {
      return Math.max(0, this.#secondsOfUndone - reported.seconds);
    }
    const { seconds, atoms } = this.#learned;
    const ended = { seconds: seconds + reported.seconds, atoms: atoms + reported.atoms };
    const left = Math.max(0, this.#undoneAtoms - reported.atoms);
    return ended.atoms < ATOMS_TO_GUESS_FROM ? null : (ended.seconds / ended.atoms) * left;
  }

  /** Seconds of one atom, as those that have ended show; null when they are too few, or history says more. */
  get learned(): number | null {
    return this.#ofHistory ? null : this.#secondsPerAtom;
  }

  /** What had ended before anybody looked out. */
  recall(ended: Ended): void {
    this.#learned = ended;
  }

  /** `undone` is all that has no verdict. `isAssumed`: what is expected of it is what was learned. */
  isOf(undone: Iterable<Part>, isAssumed: boolean): void {
    this.#undoneAtoms = 0;
    this.#secondsOfUndone = 0;
    for (const part of undone) {
      this.add(part);
    }
    this.#ofHistory ||= this.#secondsOfUndone !== null && !isAssumed;
  }

  add({ atoms, expected }: Part): void {
    const { secondsOfUndone } = this;
    this.#undoneAtoms += atoms;
    this.#secondsOfUndone = secondsOfUndone === null || expected === null ? null : secondsOfUndone + expected;
  }

  /** It has its verdict. `actual` in seconds; null: nobody knows. */
  end({ atoms, expected }: Part, actual: number | null): void {
    this.#undoneAtoms -= atoms;
    if (this.#secondsOfUndone !== null) {
      this.#secondsOfUndone = Math.max(0, this.#secondsOfUndone - (expected ?? 0));
    }
    if (actual !== null) {
      const { seconds, atoms: before } = this.#learned;
      this.#learned = { seconds: seconds + actual, atoms: before + atoms };
    }
  }

  /** What it was told, or what it is likely to be after the few atoms that have ended: to tell who is late. */
  of(part: Part): DurationEstimate {
    const perAtom = this.#secondsPerAtomOf(ATOMS_TO_BE_LATE_BESIDE);
    if (part.expected !== null || perAtom === null) {
      return part;
    }
    return { expected: part.atoms * perAtom, stdDev: Math.sqrt(part.atoms) * perAtom };
  }

  get #secondsPerAtom(): number | null {
    return this.#secondsPerAtomOf(ATOMS_TO_LEARN_FROM);
  }

  /** null when fewer than `least` have ended. */
  #secondsPerAtomOf(least: number): number | null {
    const { seconds, atoms } = this.#learned;
    return atoms < least ? null : seconds / atoms;
  }
}
