import { atomName } from '../../../../job/atom-name.js';
import { frontCoded } from '../../../../lib/text/front-coding.js';
import { cleanLine } from '../../../../lib/text/strip-control-chars.js';
import { textStart } from '../../../../lib/text/text-ends.js';
import type { Atom } from '../../../../protocol/build/work.js';
import { atomFolder } from '../../../../protocol/ids.js';
import type { ReportAtoms } from '../../../../protocol/results/report-data.js';

/** UTF-16 units of a name in a report. */
const MAX_NAME = 300;
/** So many atoms of larger builds are listed. */
export const MAX_LISTED_ATOMS = 100_000;
/** UTF-16 units of all names together, since a character may take six bytes in the report. */
const MAX_NAME_UNITS = 16 * 1024 ** 2;

interface KeptAtom
  extends Pick<Atom, 'id' | 'subjob_id' | 'outcome' | 'exit_code' | 'num_retries' | 'slave'> {
  readonly name: string;
  readonly isCached: boolean;
  /** Hundredths of a second. */
  readonly time: number;
}

/** The name of an atom in a report: on one line, and not too long. */
export function reportName(atom: Pick<Atom, 'command_string'>, variables: readonly string[]): string {
  return reportLine(atomName(atom.command_string, variables));
}

/** A text of others on one line, and not too long. */
export function reportLine(text: string): string {
  return textStart(cleanLine(text), MAX_NAME);
}

/**
 * Gathers the atoms of a build for its report. When there are too many, it keeps those that did not pass or ran again, then the
 * longest ones.
 */
export class GatheredAtoms {
  readonly #variables: readonly string[];
  #kept: KeptAtom[] = [];
  #isSorted = true;
  #total = 0;

  /** `variables`: those that the atoms set. */
  constructor(variables: readonly string[]) {
    this.#variables = variables;
  }

  /** How many atoms were added. */
  get total(): number {
    return this.#total;
  }

  add(atoms: readonly Atom[]): void {
    for (const atom of atoms) {
      const {
        id,
        subjob_id,
        outcome,
        exit_code,
        num_retries,
        slave,
        actual_time: seconds,
        cached_from,
      } = atom;
      this.#kept.push({
        id,
        subjob_id,
        outcome,
        exit_code,
        num_retries,
        slave: slave === null ? null : reportLine(slave),
        name: reportName(atom, this.#variables),
        isCached: cached_from !== null,
        time: seconds === null ? -1 : Math.round(seconds * 100),
      });
    }
    this.#total += atoms.length;
    this.#isSorted = false;
    if (this.#kept.length > 2 * MAX_LISTED_ATOMS) {
      this.#kept = this.#first(MAX_LISTED_ATOMS);
    }
  }

  /** The most atoms that may be listed at all. */
  get most(): number {
    let units = 0;
    const first = this.#first(MAX_LISTED_ATOMS);
    const beyond = first.findIndex(({ name }) => {
      units += name.length;
      return units > MAX_NAME_UNITS;
    });
    return beyond === -1 ? first.length : beyond;
  }

  /** At most so many atoms in the order of their ids. `hasFolder` says whether there is a folder of this name. */
  list(most: number, hasFolder: (folder: string) => boolean): AtomListing {
    const atoms = this.#first(most).sort((one, other) => one.id - other.id);
    const places = new Map<string, number>();
    for (const { slave } of atoms) {
      if (slave !== null && !places.has(slave)) {
        places.set(slave, places.size);
      }
    }
    const numbered = (numberOf: (atom: KeptAtom) => number | null) =>
      atoms.flatMap((atom, place) => {
        const number = numberOf(atom);
        return number === null || number === 0 ? [] : [[place, number] as const];
      });
    const columns: ReportAtoms = {
      names: frontCoded(atoms.map(({ name }) => name)),
      ids: differences(
        atoms.map(({ id }) => id),
        -1,
      ),
      subjobs: differences(
        atoms.map(({ subjob_id: subjob }) => subjob),
        0,
      ),
      outcomes: atoms.map((atom) => letterOf(atom, hasFolder)).join(''),
      times: atoms.map(({ time }) => time),
      slaves: atoms.map(({ slave }) => (slave === null ? -1 : (places.get(slave) ?? -1))),
      slave_names: [...places.keys()],
      exit_codes: numbered(({ exit_code: code }) => code),
      retries: numbered(({ num_retries: number }) => number),
    };
    return { columns, placeOf: new Map(atoms.map(({ id }, place) => [id, place])) };
  }

  #first(number: number): KeptAtom[] {
    if (!this.#isSorted) {
      this.#kept.sort(byInterest);
      this.#isSorted = true;
    }
    return this.#kept.slice(0, number);
  }
}

export interface AtomListing {
  readonly columns: ReportAtoms;
  /** The place of each atom by its id. */
  readonly placeOf: ReadonlyMap<number, number>;
}

function byInterest(one: KeptAtom, other: KeptAtom): number {
  return Number(isTroubled(other)) - Number(isTroubled(one)) || other.time - one.time || one.id - other.id;
}

function isTroubled({ outcome, num_retries: retries }: KeptAtom): boolean {
  return retries > 0 || (outcome !== null && outcome !== 'PASSED');
}

function letterOf(
  { id, subjob_id, outcome, isCached }: KeptAtom,
  hasFolder: (folder: string) => boolean,
): string {
  const letter = isCached ? 'C' : (outcome ?? 'N').charAt(0);
  return hasFolder(atomFolder(subjob_id, id)) ? letter : letter.toLowerCase();
}

function differences(numbers: readonly number[], before: number): number[] {
  return numbers.map((number, place) => number - (numbers[place - 1] ?? before));
}
