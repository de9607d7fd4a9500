import type { PagedRows } from '../api/use-paged-rows.js';
import type { ShownAtom } from '../pages/build/view/shown-atom.js';
import type { ListedAtoms } from './listed-atoms.js';

/** Atoms of a report as rows of a table, all of which are there. */
export function tableRows(atoms: ListedAtoms, places: readonly number[]): PagedRows<ShownAtom> {
  return {
    total: places.length,
    row: (index) => {
      const place = places[index];
      return place === undefined ? null : atoms.atom(place);
    },
    want: wantNothing,
    problem: null,
  };
}

function wantNothing(): void {
  // Nothing has to be loaded.
}
