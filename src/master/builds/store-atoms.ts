import { type DurationEstimate, noEstimate } from '../../domain/scheduling/duration-estimate.js';
import type { Group } from '../../domain/scheduling/group.js';
import type { BuildId } from '../../protocol/ids.js';
import type { ListedAtom } from '../../protocol/slave/slave-messages.js';
import type { MasterState } from '../state/master-state.js';
import { type CacheFacts, insertAtoms, type NewAtom, storeCacheFacts } from '../store/atoms.js';
import type { Write } from '../store/engine/write.js';
import { deletePartOf, hasPlan } from '../store/retention.js';
import { insertSubjobs } from '../store/subjobs.js';

/** A transaction that writes this many atoms delays others by a few milliseconds only. */
const PIECE = 2_000;

/** The result of a preparation: the atoms of a build, and the subjobs made of them. */
export interface PreparedAtoms {
  /** In the order in which they were listed, which is that of their ids. */
  readonly atoms: readonly ListedAtom[];
  /** One for each atom. */
  readonly estimates: readonly DurationEstimate[];
  /** The subjobs, in order of id. */
  readonly groups: readonly Group[];
  /** One for each atom; null when the job caches no atoms. */
  readonly cacheFacts: readonly CacheFacts[] | null;
}

/**
 * Writes the atoms of a build that is still being prepared, piece by piece, so that a million atoms do not delay other
 * writes. They are not shown before the build begins. First removes what an unfinished preparation has left. Stops
 * when `isWanted` returns false.
 * @returns the last piece, for the commit with which the build begins: of most builds that is everything
 * @throws ClusterRunnerError UNAVAILABLE
 */
export async function writePlan(
  master: MasterState,
  build: BuildId,
  plan: PreparedAtoms,
  isWanted: () => boolean,
): Promise<Write[]> {
  const { writer, store } = master;
  if (await hasPlan(store.db, build)) {
    for (const table of ['atoms', 'subjobs'] as const) {
      while (isWanted() && (await writer.write([deletePartOf(build, table)]))[0]) {
        // The next part is a transaction of its own.
      }
    }
  }
  const subjobOf = subjobsOfAtoms(plan);
  let last: Write[] = [];
  for (let at = 0; at < plan.atoms.length && isWanted(); at += PIECE) {
    if (at > 0) {
      await writer.write(last);
    }
    last = pieceOf(build, plan, subjobOf, at);
  }
  return last;
}

/** There are no more subjobs than atoms, so both are written in the same number of pieces. */
function pieceOf(
  build: BuildId,
  { atoms, estimates, groups, cacheFacts }: PreparedAtoms,
  subjobOf: Uint32Array,
  at: number,
): Write[] {
  const subjobs = groups
    .slice(at, at + PIECE)
    .map((group, place) => ({ ...group, id: at + place, atoms: group.atoms.length }));
  const rows = atoms.slice(at, at + PIECE).map(
    ({ variable, value }, place): NewAtom => ({
      id: at + place,
      subjob: subjobOf[at + place] ?? 0,
      variable,
      value,
      ...(estimates[at + place] ?? noEstimate),
    }),
  );
  return [
    insertSubjobs(build, subjobs),
    insertAtoms(build, rows),
    ...(cacheFacts === null ? [] : [storeCacheFacts(build, cacheFacts.slice(at, at + PIECE))]),
  ];
}

function subjobsOfAtoms({ atoms, groups }: Pick<PreparedAtoms, 'atoms' | 'groups'>): Uint32Array {
  const subjobOf = new Uint32Array(atoms.length);
  groups.forEach((group, subjob) => {
    for (const atom of group.atoms) {
      subjobOf[atom] = subjob;
    }
  });
  return subjobOf;
}
