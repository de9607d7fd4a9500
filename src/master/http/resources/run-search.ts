import {
  type AtomOrder,
  type AtomSearchQuery,
  type SoughtAtomState,
  type SoughtBuildStatus,
  soughtAtomState,
} from '../../../protocol/build/search-parameters.js';
import { type AtomId, type BuildId, type JobId, toId } from '../../../protocol/ids.js';
import type { MasterReading, MasterService } from '../../state/master-api.js';
import type { AtomCriteria } from '../../store/searches.js';
import { compareFound, SortedParts } from '../../views/atom-order.js';
import type { Turns } from '../limits/turns.js';

/** Rows that are searched in one turn: some milliseconds. */
const ATOMS_AT_ONCE = 10_000;
const BUILDS_AT_ONCE = 500;

/** null when the query has no parameter of a search. */
export function atomSearchOf(
  query: AtomSearchQuery,
): { readonly criteria: AtomCriteria; readonly order: AtomOrder } | null {
  const { state, q, slave, min_seconds, max_seconds, group, sort } = query;
  const given = [state, q, slave, min_seconds, max_seconds, group, sort];
  const isSearch = given.some((value) => value !== undefined);
  return isSearch
    ? {
        criteria: {
          states: state === undefined ? null : statesIn(state),
          text: q ?? '',
          slave: slave ?? null,
          least: min_seconds ?? null,
          most: max_seconds ?? null,
          group: group ?? null,
        },
        order: sort ?? 'id',
      }
    : null;
}

function statesIn(list: string): SoughtAtomState[] {
  const named = new Set(list.split(','));
  return soughtAtomState.filter((state) => named.has(state));
}

/** The first `most` atoms that match, in order, and how many do. @throws NOT_FOUND; the reason of `gone` */
export async function findAtoms(
  reading: Pick<MasterReading, 'searchAtoms'>,
  build: BuildId,
  { criteria, order }: { readonly criteria: AtomCriteria; readonly order: AtomOrder },
  most: number,
  turns: Turns,
  gone: AbortSignal,
): Promise<{ readonly ids: readonly AtomId[]; readonly total: number }> {
  const sorted = new SortedParts(most, compareFound(order));
  let total = 0;
  for (let from = 0; ; from += ATOMS_AT_ONCE) {
    const isLast = await turns.take(gone, async () => {
      const range = { from, to: from + ATOMS_AT_ONCE, most: Math.min(most, ATOMS_AT_ONCE) };
      const { found, numAtoms } = await reading.searchAtoms(build, criteria, order, range);
      sorted.add(found);
      total += found[0]?.total ?? 0;
      return range.to >= numAtoms;
    });
    if (isLast) {
      return { ids: sorted.all().map(({ id }) => toId.atom(id)), total };
    }
  }
}

/** The ids of all builds that match, oldest first. @throws NOT_FOUND when there is no such job; the reason of `gone` */
export async function findBuilds(
  service: Pick<MasterService, 'searchBuilds' | 'buildsOfJob'>,
  { status, q, job }: { readonly status?: SoughtBuildStatus; readonly q?: string; readonly job?: JobId },
  turns: Turns,
  gone: AbortSignal,
): Promise<BuildId[]> {
  const found: BuildId[] = [];
  const ids = job === undefined ? null : await service.buildsOfJob(job);
  const criteria = { status: status ?? null, text: q ?? '', ids };
  for (let after = 0; ; ) {
    const rows = await turns.take(gone, () =>
      service.searchBuilds(criteria, { after, limit: BUILDS_AT_ONCE }),
    );
    for (const { id, matches } of rows) {
      if (matches === 1) {
        found.push(toId.build(id));
      }
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < BUILDS_AT_ONCE) {
      return found;
    }
    after = last.id;
  }
}
