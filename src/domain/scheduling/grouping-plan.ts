import { type SubjobId, toId } from '../../protocol/ids.js';
import { sumOf } from './duration-estimate.js';
import type { Group } from './group.js';
import { type AtomToGroup, groupAtoms } from './grouping.js';

/** The assumptions of the groups of a build. */
export interface GroupingPlan {
  /** Executors that could work on it. */
  readonly executors: number;
  /** Seconds that an atom without history was assumed to take, as others of the build did; null without assumption. */
  readonly assumed: number | null;
}

/** Other groups are made when the number of executors changes by this factor; less is not worth it … */
const CHANGE_OF_EXECUTORS = 1.5;
/** … or when the assumed length of atoms is off by this factor. */
const CHANGE_OF_ASSUMPTION = 2;

/** Whether other groups should be made of what waits. `learned`: mean seconds of the build's atoms so far, if they matter. */
export function isOutdated(plan: GroupingPlan, executors: number, learned: number | null): boolean {
  return (
    // Without any executor there is nothing to plan for.
    (executors > 0 && differs(plan.executors, executors, CHANGE_OF_EXECUTORS)) ||
    (learned !== null && (plan.assumed === null || differs(plan.assumed, learned, CHANGE_OF_ASSUMPTION)))
  );
}

function differs(one: number, other: number, factor: number): boolean {
  return one * factor <= other || other * factor <= one;
}

export interface Regrouped {
  /** Their ids rise in the order of hand-out. `atoms` are ids too. */
  readonly groups: readonly (Group & { readonly id: SubjobId })[];
  /** Subjobs that are removed: the last ones. */
  readonly dropped: readonly SubjobId[];
}

/**
 * Makes other groups of the atoms of subjobs that were never leased. `waiting` are the ids of these, ascending; there are
 * `total` subjobs in all. Subjobs stay numbered without gaps: only the last ones can be dropped, and new ones are added at
 * the end. Where that is not enough, groups stay smaller than they could be. `batchSize`: see groupAtoms.
 */
export function regroup(
  atoms: readonly AtomToGroup[],
  waiting: readonly SubjobId[],
  total: number,
  { executors, assumed }: GroupingPlan,
  batchSize: number | null = null,
): Regrouped {
  let droppable = 0;
  while (droppable < waiting.length && waiting.at(-1 - droppable) === total - 1 - droppable) {
    droppable += 1;
  }
  const groups = splitUpTo(
    groupAtoms(atoms, executors, assumed, batchSize),
    waiting.length - droppable,
    new Map(atoms.map((atom) => [atom.index, atom])),
  );
  return {
    groups: groups.map((group, place) => ({
      ...group,
      id: waiting[place] ?? toId.subjob(total + place - waiting.length),
    })),
    dropped: waiting.slice(groups.length),
  };
}

/** Splits groups, larger ones into more, until there are `least`. @throws Error when there are fewer atoms */
function splitUpTo(
  groups: readonly Group[],
  least: number,
  atoms: ReadonlyMap<number, AtomToGroup>,
): readonly Group[] {
  let missing = least - groups.length;
  if (missing <= 0) {
    return groups;
  }
  // How many more groups there would be if every atom was alone.
  let possible = atoms.size - groups.length;
  if (possible < missing) {
    throw new Error(`${atoms.size} atoms cannot be ${least} subjobs.`);
  }
  return groups.flatMap((group) => {
    const most = group.atoms.length - 1;
    const more = possible === 0 ? 0 : Math.min(most, Math.ceil((missing * most) / possible));
    possible -= most;
    missing -= more;
    return more === 0 ? group : divide(group.atoms, more + 1, atoms);
  });
}

function divide(members: readonly number[], into: number, atoms: ReadonlyMap<number, AtomToGroup>): Group[] {
  return Array.from({ length: into }, (_, part) => {
    const [from, to] = [part, part + 1].map((edge) => Math.floor((edge * members.length) / into));
    const indexes = members.slice(from, to);
    return { atoms: indexes, ...sumOf(indexes.flatMap((index) => atoms.get(index) ?? [])) };
  });
}
