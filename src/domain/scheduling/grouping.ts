import { groupForBatches } from './batch-grouping.js';
import { type DurationEstimate, sumOf } from './duration-estimate.js';
import type { Group } from './group.js';
import { type RiskyAtom, splitLikelyFailures } from './likely-failures.js';

/** Expected seconds of a group: enough to be worth a hand-out, which occupies an executor for 10 to 30 ms. */
const TARGET_SECONDS = 2;
/** Even at the end groups are no smaller than this: hand-outs would cost more than they even out. Expected seconds … */
const LEAST_GROUP_SECONDS = 0.1;
/** … but no more than this share of the work of each executor, by which a group may delay the end. */
const LEAST_GROUP_SHARE = 0.1;
/** An atom takes at least the start of a process, whatever its history says. Seconds. */
const LEAST_SECONDS = 0.005;
/** Without history a group may take any time, so it stays small: atoms. */
const MAX_BLIND_GROUP = 10;

export type AtomToGroup = RiskyAtom;

/**
 * Divides atoms into subjobs, in the order in which they should be handed out. Every atom is in exactly one.
 *
 * With history: the longest first and alone, cheap ones together, and smaller groups towards the end, so that all
 * executors end together. Atoms are ordered by mean plus one standard deviation, since uncertain ones must not come
 * last. An atom without history counts as long as the longest known one.
 * Without any history: in the given order, each group a share of what is left, the last ones single. `assumed`, if
 * given, is how many seconds such atoms took in this build so far, and replaces their history.
 * Atoms that are likely to fail come before all others.
 * `batchSize`: how many atoms a batch of the job may have; null without batches. See groupForBatches.
 */
export function groupAtoms(
  atoms: readonly AtomToGroup[],
  executors: number,
  assumed: number | null = null,
  batchSize: number | null = null,
): Group[] {
  const width = Math.max(1, executors);
  const ofUnknown = longestOf(atoms) ?? (assumed === null ? null : { expected: assumed, stdDev: assumed });
  const { likely, others } = splitLikelyFailures(atoms);
  return [...groupLikelyFailures(likely), ...groupOthers(others, width, ofUnknown, batchSize)];
}

function groupOthers(
  atoms: readonly AtomToGroup[],
  width: number,
  ofUnknown: Known | null,
  batchSize: number | null,
): Group[] {
  if (batchSize !== null) {
    const expectedOf = ofUnknown === null ? null : (atom: AtomToGroup) => costOf(atom, ofUnknown);
    return groupForBatches(atoms, width, batchSize, expectedOf);
  }
  return ofUnknown === null ? groupBlindly(atoms, width) : groupByTime(atoms, width, ofUnknown);
}

/** In their order. Small groups, since a verdict is known when its whole group has ended. */
function groupLikelyFailures(atoms: readonly AtomToGroup[]): Group[] {
  const groups: AtomToGroup[][] = [];
  for (const atom of atoms) {
    const open = groups.at(-1) ?? [];
    const { expected } = sumOf([...open, atom]);
    if (open.length > 0 && expected !== null && expected <= LEAST_GROUP_SECONDS) {
      open.push(atom);
    } else {
      groups.push([atom]);
    }
  }
  return groups.map((members) => ({ atoms: members.map(({ index }) => index), ...sumOf(members) }));
}

function longestOf(atoms: readonly AtomToGroup[]): Known | null {
  let longest: Known | null = null;
  for (const { expected, stdDev } of atoms) {
    if (expected !== null && (longest === null || expected > longest.expected)) {
      longest = { expected, stdDev };
    }
  }
  return longest;
}

function groupBlindly(atoms: readonly AtomToGroup[], width: number): Group[] {
  const groups: Group[] = [];
  for (let at = 0; at < atoms.length; ) {
    const size = Math.min(MAX_BLIND_GROUP, Math.ceil((atoms.length - at) / (4 * width)));
    const members = atoms.slice(at, at + size);
    groups.push({ atoms: members.map(({ index }) => index), ...sumOf(members) });
    at += size;
  }
  return groups;
}

interface Known {
  readonly expected: number;
  readonly stdDev: number;
}

/** `mayTake` is the mean plus one standard deviation. */
interface Cost extends Known {
  readonly index: number;
  readonly mayTake: number;
}

function groupByTime(atoms: readonly AtomToGroup[], width: number, ofUnknown: Known): Group[] {
  const costs = atoms
    .map((atom) => costOf(atom, ofUnknown))
    .sort((a, b) => b.mayTake - a.mayTake || a.index - b.index);
  let left = costs.reduce((sum, { expected }) => sum + expected, 0);
  const least = Math.min(LEAST_GROUP_SECONDS, (LEAST_GROUP_SHARE * left) / width);
  const groups: Cost[][] = [];
  let open: Cost[] = [];
  let taken = 0;
  let limit = 0;
  for (const cost of costs) {
    if (open.length > 0 && taken + cost.expected <= limit) {
      open.push(cost);
      taken += cost.expected;
    } else {
      limit = Math.max(least, Math.min(TARGET_SECONDS, left / (2 * width)));
      open = [cost];
      taken = cost.expected;
      groups.push(open);
    }
    left -= cost.expected;
  }
  // A group of cheap atoms may outweigh a single one before it.
  return groups
    .map((members) => {
      const { expected, stdDev } = sumOf(members);
      return { atoms: members.map(({ index }) => index), expected, stdDev };
    })
    .sort((a, b) => mayTake(b) - mayTake(a));
}

function costOf({ index, expected, stdDev }: AtomToGroup, ofUnknown: Known): Cost {
  const known = expected === null ? ofUnknown : { expected, stdDev };
  const atLeast = Math.max(known.expected, LEAST_SECONDS);
  return { index, expected: atLeast, stdDev: known.stdDev, mayTake: atLeast + known.stdDev };
}

function mayTake({ expected, stdDev }: DurationEstimate): number {
  return (expected ?? 0) + stdDev;
}
