/** A group should be worth its hand-out, which costs a few milliseconds: this many expected seconds. */
const TARGET_SECONDS = 0.75;
/** Starting a process costs at least this much, whatever the history says. */
const LEAST_SECONDS = 0.005;
/** Without history a group may turn out to be anything, so it stays small. */
const MAX_BLIND_GROUP = 25;

export interface AtomToGroup {
  /** The atom's index in the list that was prepared. */
  readonly index: number;
  /** Seconds; null without history. */
  readonly expected: number | null;
}

export interface Group {
  /** Indexes of its atoms, never empty. */
  readonly atoms: readonly number[];
  /** Seconds; null when nothing is known about any atom of the build. */
  readonly expected: number | null;
}

/**
 * Divides atoms into subjobs, in the order in which they should be handed out. Every atom is in exactly one.
 *
 * With history: the longest first and alone, cheap ones together, the groups smaller towards the end so that all
 * executors end together. An atom without history is taken to be as long as the longest known one.
 * Without any history: in the given order, each group a share of what is left, the last ones single.
 */
export function groupAtoms(atoms: readonly AtomToGroup[], executors: number): Group[] {
  const width = Math.max(1, executors);
  const longest = atoms.reduce<number | null>(
    (most, { expected }) => (expected === null ? most : Math.max(most ?? 0, expected)),
    null,
  );
  return longest === null ? groupBlindly(atoms, width) : groupByTime(atoms, width, longest);
}

function groupBlindly(atoms: readonly AtomToGroup[], width: number): Group[] {
  const groups: Group[] = [];
  for (let at = 0; at < atoms.length; ) {
    const size = Math.min(MAX_BLIND_GROUP, Math.ceil((atoms.length - at) / (4 * width)));
    groups.push({ atoms: atoms.slice(at, at + size).map(({ index }) => index), expected: null });
    at += size;
  }
  return groups;
}

function groupByTime(atoms: readonly AtomToGroup[], width: number, longest: number): Group[] {
  const costs = atoms
    .map(({ index, expected }) => ({ index, seconds: Math.max(expected ?? longest, LEAST_SECONDS) }))
    .sort((a, b) => b.seconds - a.seconds || a.index - b.index);
  let left = costs.reduce((sum, { seconds }) => sum + seconds, 0);
  const groups: { atoms: number[]; expected: number }[] = [];
  let open: { atoms: number[]; expected: number } | null = null;
  let limit = 0;
  for (const { index, seconds } of costs) {
    if (open !== null && open.expected + seconds <= limit) {
      open.atoms.push(index);
      open.expected += seconds;
    } else {
      limit = Math.min(TARGET_SECONDS, left / (2 * width));
      open = { atoms: [index], expected: seconds };
      groups.push(open);
    }
    left -= seconds;
  }
  // A group of cheap atoms may outweigh a single one before it.
  return groups.sort((a, b) => b.expected - a.expected);
}
