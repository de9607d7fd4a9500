import { type DurationEstimate, sumOf } from './duration-estimate.js';

/** A group should be worth its hand-out, which keeps an executor for ten to thirty milliseconds: expected seconds. */
const TARGET_SECONDS = 2;
/** Also in the tail: smaller groups cost more hand-outs than they could even out. Expected seconds … */
const LEAST_GROUP_SECONDS = 0.1;
/** … but no more than this part of what each executor has to do in all, which a group may make the end later. */
const LEAST_GROUP_SHARE = 0.1;
/** Starting a process costs at least this much, whatever the history says. */
const LEAST_SECONDS = 0.005;
/** Without history a group may turn out to be anything, so it stays small. */
const MAX_BLIND_GROUP = 10;

export interface AtomToGroup extends DurationEstimate {
  /** The atom's index in the list that was prepared. */
  readonly index: number;
}

/** Nothing is expected of a group when nothing is known about any atom of the build. */
export interface Group extends DurationEstimate {
  /** Indexes of its atoms, never empty. */
  readonly atoms: readonly number[];
}

/**
 * Divides atoms into subjobs, in the order in which they should be handed out. Every atom is in exactly one.
 *
 * With history: the longest first and alone, cheap ones together, the groups smaller towards the end so that all
 * executors end together. How long an atom may well take (its mean and one standard deviation) says where it stands: what is
 * uncertain must not come last. An atom without history is taken to be as long as the longest known one.
 * Without any history: in the given order, each group a share of what is left, the last ones single. Unless `assumed`
 * says what such an atom took elsewhere in its build, in seconds: then that is taken for its history.
 */
export function groupAtoms(
  atoms: readonly AtomToGroup[],
  executors: number,
  assumed: number | null = null,
): Group[] {
  const width = Math.max(1, executors);
  const longest = longestOf(atoms);
  if (longest !== null) {
    return groupByTime(atoms, width, longest);
  }
  return assumed === null
    ? groupBlindly(atoms, width)
    : groupByTime(atoms, width, { expected: assumed, stdDev: assumed });
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

/** An atom with what it may well take: its mean and one standard deviation. */
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
