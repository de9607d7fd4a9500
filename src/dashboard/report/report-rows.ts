import type { AtomOutcome } from '../../protocol/build/work.js';
import type { ReportAtoms } from '../../protocol/report-data.js';

/* Filters and orders of the atoms of a report. Nothing here needs a browser. */

/** One atom of a report. */
export interface ReportRow {
  readonly id: number;
  readonly name: string;
  readonly outcome: AtomOutcome | null;
  readonly exitCode: number | null;
  readonly seconds: number | null;
  readonly slave: string | null;
  readonly folder: string;
  /** It failed, and passed when it was run again. */
  readonly isFlaky: boolean;
}

export const reportOrders = ['failed first', 'number', 'longest first', 'name'] as const;
export type ReportOrder = (typeof reportOrders)[number];

export interface ReportFilter {
  /** In any case; empty for all. */
  readonly text: string;
  /** null for all. */
  readonly outcome: AtomOutcome | 'FLAKY' | null;
  readonly order: ReportOrder;
}

const RANKS: Readonly<Record<AtomOutcome, number>> = { FAILED: 0, LOST: 1, INTERRUPTED: 2, PASSED: 4 };
const NOT_RUN = 3;
const FLAKY = 3.5;

export function rowAt(atoms: ReportAtoms, place: number): ReportRow {
  const id = atoms.ids[place] ?? 0;
  const outcome = atoms.outcomes[place] ?? null;
  return {
    id,
    name: atoms.names[place] ?? '',
    outcome,
    exitCode: atoms.exit_codes[place] ?? null,
    seconds: atoms.seconds[place] ?? null,
    slave: atoms.slave_names[atoms.slaves[place] ?? -1] ?? null,
    folder: `artifact_${atoms.subjobs[place] ?? 0}_${id}`,
    isFlaky: isFlaky(atoms, place),
  };
}

/** The places of the atoms that pass the filter, in its order. */
export function filteredPlaces(atoms: ReportAtoms, { text, outcome, order }: ReportFilter): number[] {
  const sought = text.toLowerCase();
  const places = [...atoms.ids.keys()].filter(
    (place) =>
      (outcome === null ||
        (outcome === 'FLAKY' ? isFlaky(atoms, place) : atoms.outcomes[place] === outcome)) &&
      (sought === '' || (atoms.names[place] ?? '').toLowerCase().includes(sought)),
  );
  const seconds = (place: number) => atoms.seconds[place] ?? -1;
  const name = (place: number) => atoms.names[place] ?? '';
  switch (order) {
    case 'number':
      return places;
    case 'failed first':
      return places.sort((a, b) => rank(atoms, a) - rank(atoms, b) || a - b);
    case 'longest first':
      return places.sort((a, b) => seconds(b) - seconds(a) || a - b);
    case 'name':
      return places.sort((a, b) => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : a - b));
  }
}

function isFlaky(atoms: ReportAtoms, place: number): boolean {
  return atoms.outcomes[place] === 'PASSED' && (atoms.retries[place] ?? 0) > 0;
}

function rank(atoms: ReportAtoms, place: number): number {
  const outcome = atoms.outcomes[place] ?? null;
  return outcome === null ? NOT_RUN : isFlaky(atoms, place) ? FLAKY : RANKS[outcome];
}

/** The address of a file beside the report. */
export function besideReport(folder: string, path: string): string {
  return [folder, ...path.split('/')].map(encodeURIComponent).join('/');
}
