import { type AtomRun, isPass } from '../history/atom-runs.js';

/** The weight of a run beside that of the next newer one. A failure matters for some fifty builds. */
const FADING = 0.9;
/** An atom that no build has run: new tests fail more often than old ones, and nobody has seen them pass. */
const RISK_OF_NEW = 0.05;
/** A change breaks one in ten or so of the atoms that it affects. */
const RISK_OF_CHANGE = 0.1;

/** The earlier runs of an atom, as far as its risk depends on them. */
export interface AtomTrouble {
  /** In order of build. */
  readonly runs: readonly AtomRun[];
  /** The part of these runs in which it failed although its code was good; see flakinessOf. */
  readonly flakiness: number;
}

/**
 * How likely it is that an atom fails in the next build, from 0 to 1. This is the part of its earlier builds in which it
 * failed, with exponentially smaller weights for older ones. Failures count as far as they are not those of a flaky atom, since
 * they say little about the code. `trouble` is null for an atom that no build has run.
 */
export function failureRisk(trouble: AtomTrouble | null): number {
  if (trouble === null) {
    return RISK_OF_NEW;
  }
  const counted = trouble.runs.filter(({ kind }) => kind !== 'LOST');
  let weight = 1;
  let weights = 0;
  let failed = 0;
  let failures = 0;
  let numTroubled = 0;
  for (const run of counted.toReversed()) {
    weights += weight;
    failed += isPass(run) ? 0 : weight;
    failures += isPass(run) ? 0 : 1;
    numTroubled += run.kind === 'PASSED' ? 0 : 1;
    weight *= FADING;
  }
  if (failures === 0) {
    return 0;
  }
  const flaky = Math.min(1, (trouble.flakiness * counted.length) / numTroubled);
  return (failed / weights) * (1 - flaky);
}

/** The risk of an atom that a change affects. */
export function riskWhenAffected(risk: number): number {
  return 1 - (1 - risk) * (1 - RISK_OF_CHANGE);
}
