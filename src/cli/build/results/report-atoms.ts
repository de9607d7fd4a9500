import { atomName } from '../../../job/atom-name.js';
import { cleanLine } from '../../../lib/text/strip-control-chars.js';
import { textStart } from '../../../lib/text/text-ends.js';
import type { Atom, AtomOutcome } from '../../../protocol/build/work.js';
import type { ReportAtoms } from '../../../protocol/report-data.js';

/** UTF-16 units of a name; the API has the whole one. */
const MAX_NAME = 300;
/** More take too long to be shown. */
const MAX_ATOMS = 200_000;

/** Gathers what a report needs of the atoms of a build, of which there may be a million. */
export class ReportAtomList {
  readonly #variables: readonly string[];
  readonly #ids: number[] = [];
  readonly #names: string[] = [];
  readonly #outcomes: (AtomOutcome | null)[] = [];
  readonly #exitCodes: (number | null)[] = [];
  readonly #seconds: (number | null)[] = [];
  readonly #slaves: number[] = [];
  readonly #subjobs: number[] = [];
  readonly #retries: number[] = [];
  readonly #places = new Map<string, number>();
  #total = 0;

  /** @param variables those that the atoms set */
  constructor(variables: readonly string[]) {
    this.#variables = variables;
  }

  /** How many atoms it was given. */
  get total(): number {
    return this.#total;
  }

  add(atoms: readonly Atom[]): void {
    for (const atom of atoms) {
      this.#total += 1;
      if (this.#total <= MAX_ATOMS) {
        this.#add(atom);
      }
    }
  }

  /** All atoms, or of those with an outcome in `wanted` the first `most`. */
  select(wanted: ReadonlySet<AtomOutcome | null> | null = null, most = Infinity): ReportAtoms {
    const chosen: number[] = [];
    for (let place = 0; place < this.#ids.length && chosen.length < most; place += 1) {
      if (wanted === null || wanted.has(this.#outcomes[place] ?? null)) {
        chosen.push(place);
      }
    }
    const of = <T>(list: readonly T[]): T[] => chosen.flatMap((place) => list.slice(place, place + 1));
    return {
      ids: of(this.#ids),
      names: of(this.#names),
      outcomes: of(this.#outcomes),
      exit_codes: of(this.#exitCodes),
      seconds: of(this.#seconds),
      slaves: of(this.#slaves),
      slave_names: [...this.#places.keys()],
      subjobs: of(this.#subjobs),
      retries: of(this.#retries),
    };
  }

  #add(atom: Atom): void {
    this.#ids.push(atom.id);
    this.#names.push(textStart(cleanLine(atomName(atom.command_string, this.#variables)), MAX_NAME));
    this.#outcomes.push(atom.outcome);
    this.#exitCodes.push(atom.exit_code);
    this.#seconds.push(atom.actual_time === null ? null : Math.round(atom.actual_time * 100) / 100);
    this.#slaves.push(this.#placeOf(atom.slave));
    this.#subjobs.push(atom.subjob_id);
    this.#retries.push(atom.num_retries);
  }

  #placeOf(slave: string | null): number {
    if (slave === null) {
      return -1;
    }
    const name = textStart(cleanLine(slave), MAX_NAME);
    const place = this.#places.get(name) ?? this.#places.size;
    this.#places.set(name, place);
    return place;
  }
}
