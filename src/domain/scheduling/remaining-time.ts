import type { DurationEstimate } from './duration-estimate.js';

/** Other atoms are estimated only once this many have shown how long they take. */
const ATOMS_TO_LEARN_FROM = 8;
/** … an atom counts as late after fewer: a second run of one atom costs little, and a small build has no more. */
const ATOMS_TO_BE_LATE_BESIDE = 3;
/** … and people are given an estimate after fewer: they prefer a rough guess soon. */
const ATOMS_TO_GUESS_FROM = 3;

/** How long the atoms took that have ended, in all. */
export interface Ended {
  readonly seconds: number;
  readonly atoms: number;
}

export const nothingEnded: Ended = { seconds: 0, atoms: 0 };

interface Part extends DurationEstimate {
  /** How many. */
  readonly atoms: number;
}

/** Estimates how long the rest of a build takes, from earlier builds and from its own atoms that have ended. */
export class RemainingTimeEstimator {
  #undoneAtoms = 0;
  #secondsOfUndone: number | null = null;
  #hasHistory = false;
  #ended = nothingEnded;

  /** Expected seconds of everything without a verdict; null when nothing is known of some of it. */
  get secondsOfUndone(): number | null {
    return this.#secondsOfUndone;
  }

  /** The same, or what the atoms that have ended suggest. */
  get secondsOfRest(): number | null {
    const perAtom = this.#secondsPerAtom;
    return this.#secondsOfUndone ?? (perAtom === null ? null : perAtom * this.#undoneAtoms);
  }

  /** The same for people, who want it soon. `reported` has ended too, in subjobs that have no verdict. */
  restAfter(reported: Ended): number | null {
    if (this.#secondsOfUndone !== null) {
      return Math.max(0, this.#secondsOfUndone - reported.seconds);
    }
    const seconds = this.#ended.seconds + reported.seconds;
    const atoms = this.#ended.atoms + reported.atoms;
    const left = Math.max(0, this.#undoneAtoms - reported.atoms);
    return atoms < ATOMS_TO_GUESS_FROM ? null : (seconds / atoms) * left;
  }

  /** Mean seconds of the atoms that have ended; null when they are too few, or history says more. */
  get learned(): number | null {
    return this.#hasHistory ? null : this.#secondsPerAtom;
  }

  /** Starts with what had ended before the master was started. */
  seed(ended: Ended): void {
    this.#ended = ended;
  }

  /** `undone` is everything without a verdict. `isAssumed`: its estimates come from `learned`, not from history. */
  reset(undone: Iterable<Part>, isAssumed: boolean): void {
    this.#undoneAtoms = 0;
    this.#secondsOfUndone = 0;
    for (const part of undone) {
      this.add(part);
    }
    this.#hasHistory ||= this.#secondsOfUndone !== null && !isAssumed;
  }

  add({ atoms, expected }: Part): void {
    const { secondsOfUndone } = this;
    this.#undoneAtoms += atoms;
    this.#secondsOfUndone = secondsOfUndone === null || expected === null ? null : secondsOfUndone + expected;
  }

  /** The part has its verdict. `actual`: seconds that it took; null when unknown. */
  end({ atoms, expected }: Part, actual: number | null): void {
    this.#undoneAtoms -= atoms;
    if (this.#secondsOfUndone !== null) {
      this.#secondsOfUndone = Math.max(0, this.#secondsOfUndone - (expected ?? 0));
    }
    if (actual !== null) {
      this.#ended = { seconds: this.#ended.seconds + actual, atoms: this.#ended.atoms + atoms };
    }
  }

  /** The part's own estimate, or one from the few atoms that have ended: good enough to tell what is late. */
  estimateFor(part: Part): DurationEstimate {
    const perAtom = this.#secondsPerAtomOf(ATOMS_TO_BE_LATE_BESIDE);
    if (part.expected !== null || perAtom === null) {
      return part;
    }
    return { expected: part.atoms * perAtom, stdDev: Math.sqrt(part.atoms) * perAtom };
  }

  get #secondsPerAtom(): number | null {
    return this.#secondsPerAtomOf(ATOMS_TO_LEARN_FROM);
  }

  /** null when fewer than `least` atoms have ended. */
  #secondsPerAtomOf(least: number): number | null {
    const { seconds, atoms } = this.#ended;
    return atoms < least ? null : seconds / atoms;
  }
}
