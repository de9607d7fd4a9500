import type { AssignedAtom } from '../../protocol/slave/slave-messages.js';

/**
 * Divides the atoms of a subjob, in their order, into as few batches of at most `size` as possible, and these evenly. The atoms
 * of a batch have the same variable.
 */
export function batchesOf<T extends { readonly atom: Pick<AssignedAtom, 'variable'> }>(
  places: readonly T[],
  size: number,
): T[][] {
  const runs: T[][] = [];
  for (const place of places) {
    const last = runs.at(-1);
    if (last?.[0]?.atom.variable === place.atom.variable) {
      last.push(place);
    } else {
      runs.push([place]);
    }
  }
  return runs.flatMap((run) => evenly(run, Math.ceil(run.length / size)));
}

function evenly<T>(items: readonly T[], parts: number): T[][] {
  const edge = (part: number) => Math.floor((part * items.length) / parts);
  return Array.from({ length: parts }, (_, part) => items.slice(edge(part), edge(part + 1)));
}
