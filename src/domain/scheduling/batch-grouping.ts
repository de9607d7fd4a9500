import { noEstimate, sumOf } from './duration-estimate.js';
import type { Group } from './group.js';
import type { RiskyAtom } from './likely-failures.js';

/** Expected seconds of a group: long enough that the start of its tool hardly counts. */
const TARGET_SECONDS = 30;

/**
 * Divides the atoms of a job with batches into subjobs, in the order in which they should be handed out. Each executor gets as
 * many groups, of at most `size` atoms, and all are expected to take equally long. Small groups towards the end would cost a
 * start of the tool each. Atoms that take longer than such a group alone are groups of their own.
 *
 * `expectedOf` is the estimate of an atom, with an assumption where it has no history; null when nothing is known of any atom:
 * then groups have equally many, in the given order.
 */
export function groupForBatches(
  atoms: readonly RiskyAtom[],
  executors: number,
  size: number,
  expectedOf: ((atom: RiskyAtom) => { readonly expected: number; readonly stdDev: number }) | null,
): Group[] {
  const width = Math.max(1, executors);
  if (expectedOf === null) {
    const parts = multipleOf(width, atoms.length / size, atoms.length);
    const edge = (part: number) => Math.floor((part * atoms.length) / parts);
    return Array.from({ length: parts }, (_, part) => {
      const members = atoms.slice(edge(part), edge(part + 1));
      return { atoms: members.map(({ index }) => index), ...noEstimate };
    });
  }
  const costs = atoms
    .map((atom) => ({ index: atom.index, ...expectedOf(atom) }))
    .sort((a, b) => b.expected - a.expected || a.index - b.index);
  const total = costs.reduce((sum, { expected }) => sum + expected, 0);
  const parts = multipleOf(width, Math.max(atoms.length / size, total / TARGET_SECONDS), atoms.length);
  const alone = costs.filter(({ expected }) => expected > total / parts);
  const rest = costs.slice(alone.length);
  const dealt = dealOut(
    rest,
    Math.max(Math.ceil(rest.length / size), Math.min(rest.length, parts - alone.length)),
  );
  return [...alone.map((one) => [one]), ...dealt]
    .map((members) => ({ atoms: members.map(({ index }) => index), ...sumOf(members) }))
    .sort((a, b) => (b.expected ?? 0) + b.stdDev - (a.expected ?? 0) - a.stdDev);
}

/** The smallest multiple of `width` that is at least `least`, but no more than `most`. */
function multipleOf(width: number, least: number, most: number): number {
  return Math.min(most, width * Math.ceil(Math.max(least, 1) / width));
}

/** Deals sorted items to `parts` hands, back and forth, so that each gets as much. */
function dealOut<T>(items: readonly T[], parts: number): T[][] {
  const hands = Array.from({ length: parts }, (): T[] => []);
  items.forEach((item, place) => {
    const round = Math.floor(place / parts);
    const step = place % parts;
    hands[round % 2 === 0 ? step : parts - 1 - step]?.push(item);
  });
  return hands;
}
