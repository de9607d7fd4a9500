import type { DurationEstimate } from './duration-estimate.js';

/** Atoms that become one subjob. It has no estimate when none of the build's atoms has one. */
export interface Group extends DurationEstimate {
  /** Indexes of its atoms, never empty. */
  readonly atoms: readonly number[];
}
