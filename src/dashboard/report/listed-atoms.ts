import { frontDecoded } from '../../lib/text/front-coding.js';
import type { AtomSearchQuery } from '../../protocol/build/search-parameters.js';
import type { AtomOutcome } from '../../protocol/build/work.js';
import type { ReportAtoms } from '../../protocol/results/report-data.js';
import { OUTPUT_FILE } from '../pages/build/artifacts/artifact-place.js';
import type { ShownAtom } from '../pages/build/view/shown-atom.js';

/* The atoms of a report, with filters and orders. Nothing here needs a browser. */

const OUTCOMES: Readonly<Record<string, AtomOutcome>> = {
  P: 'PASSED',
  C: 'PASSED',
  F: 'FAILED',
  L: 'LOST',
  I: 'INTERRUPTED',
};

/** The order of outcomes that need attention; flaky ones are between N and P. */
const RANKS = ['F', 'L', 'I', 'N'];

/** The address of a file beside the report, or of a folder with a slash at its end. */
export function besideReport(folder: string, path: string): string {
  return [folder, ...path.split('/')].map(encodeURIComponent).join('/');
}

/** The address of the whole output of an atom. */
export function consoleBeside(folder: string): string {
  return besideReport(folder, OUTPUT_FILE);
}

/** All atoms of a report. A place is the position of an atom in its lists. */
export class ListedAtoms {
  readonly #atoms: ReportAtoms;
  readonly #names: readonly string[];
  readonly #ids: readonly number[];
  readonly #subjobs: readonly number[];
  readonly #exitCodes: ReadonlyMap<number, number>;
  readonly #retries: ReadonlyMap<number, number>;

  constructor(atoms: ReportAtoms) {
    this.#atoms = atoms;
    this.#names = frontDecoded(atoms.names);
    this.#ids = sums(atoms.ids, -1);
    this.#subjobs = sums(atoms.subjobs, 0);
    this.#exitCodes = new Map(atoms.exit_codes);
    this.#retries = new Map(atoms.retries);
  }

  get number(): number {
    return this.#names.length;
  }

  /** Hundredths of a second of all atoms together. */
  get time(): number {
    return this.#atoms.times.reduce((sum, time) => sum + Math.max(0, time), 0);
  }

  /** The folder of an atom beside the report; null when there is none. */
  folder(place: number): string | null {
    const letter = this.#letter(place);
    return letter === letter.toUpperCase() ? `artifact_${this.#subjobs[place]}_${this.#ids[place]}` : null;
  }

  atom(place: number): ShownAtom {
    const letter = this.#letter(place).toUpperCase();
    const outcome = OUTCOMES[letter] ?? null;
    const time = this.#atoms.times[place] ?? -1;
    const folder = this.folder(place);
    return {
      id: this.#ids[place] ?? 0,
      label: this.#names[place] ?? '',
      href: folder === null ? null : consoleBeside(folder),
      folder,
      state: outcome === null ? 'NOT_RUN' : 'COMPLETED',
      outcome,
      exit_code: this.#exitCodes.get(place) ?? (outcome === 'PASSED' ? 0 : null),
      actual_time: time === -1 ? null : time / 100,
      num_retries: this.#retries.get(place) ?? 0,
      slave: this.#slave(place),
      error: null,
      cached_from: letter === 'C' ? {} : null,
    };
  }

  /** The places of the atoms that a search finds, in its order. It knows the filters and orders of the page. */
  search({ q = '', slave, state = '', sort = 'id' }: AtomSearchQuery): number[] {
    const sought = q.toLowerCase();
    const states = state === '' ? null : new Set(state.split(','));
    const places = [...this.#names.keys()].filter(
      (place) =>
        (sought === '' || (this.#names[place] ?? '').toLowerCase().includes(sought)) &&
        (slave === undefined || this.#slave(place) === slave) &&
        (states === null || this.#isIn(states, place)),
    );
    const orders: Readonly<Record<string, (one: number, other: number) => number>> = {
      failed_first: (one, other) => this.#rank(one) - this.#rank(other),
      '-duration': (one, other) => (this.#atoms.times[other] ?? -1) - (this.#atoms.times[one] ?? -1),
      name: (one, other) => compare(this.#names[one] ?? '', this.#names[other] ?? ''),
    };
    const order = orders[sort];
    return order === undefined ? places : places.sort((one, other) => order(one, other) || one - other);
  }

  /** The places of the first atoms that took longest. */
  slowest(number: number): number[] {
    return this.search({ sort: '-duration' })
      .filter((place) => (this.#atoms.times[place] ?? -1) > 0)
      .slice(0, number);
  }

  /** The places of the atoms that ran again and did not pass then. */
  retriedInVain(): number[] {
    return [...this.#retries.keys()].filter((place) => this.#letter(place).toUpperCase() !== 'P');
  }

  #letter(place: number): string {
    return this.#atoms.outcomes.charAt(place);
  }

  #slave(place: number): string | null {
    return this.#atoms.slave_names[this.#atoms.slaves[place] ?? -1] ?? null;
  }

  #isFlaky(place: number): boolean {
    return this.#retries.has(place) && this.#letter(place).toUpperCase() === 'P';
  }

  #isIn(states: ReadonlySet<string>, place: number): boolean {
    const outcome = OUTCOMES[this.#letter(place).toUpperCase()]?.toLowerCase() ?? 'not_started';
    return states.has(outcome) || (states.has('flaky') && this.#isFlaky(place));
  }

  #rank(place: number): number {
    const rank = RANKS.indexOf(this.#letter(place).toUpperCase());
    return rank === -1 ? RANKS.length + Number(!this.#isFlaky(place)) : rank;
  }
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

function sums(differences: readonly number[], before: number): number[] {
  let sum = before;
  return differences.map((difference) => {
    sum += difference;
    return sum;
  });
}
