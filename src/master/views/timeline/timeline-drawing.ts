import { barState, fruitlessEnd, type Timeline } from '../../../protocol/build/timeline.js';
import type { AtomColumns, LeaseBar, LeasePlaces, RunColumns } from '../../store/timeline-rows.js';
import { Bars, NO_END, type SortedBars } from './bars.js';
import { type LeaseSpan, lanesOf } from './executor-lanes.js';
import { ExecutorList } from './executor-list.js';
import type { HeldWork } from './held-work.js';

const IN_PROGRESS = barState.indexOf('in_progress');
const FAILED = barState.indexOf('failed');
const placeOfEnd: Readonly<Partial<Record<LeaseBar['state'], number>>> = {
  LOST: fruitlessEnd.indexOf('lost'),
  HANDED_BACK: fruitlessEnd.indexOf('returned'),
  CANCELED: fruitlessEnd.indexOf('canceled'),
};

interface Place {
  readonly slave: number;
  /** null when it is not known. */
  readonly executor: number | null;
  /** When the lease ended; null while it is held. */
  readonly end: number | null;
}

export interface DrawnColumns {
  readonly executors: Timeline['executors'];
  readonly atoms: SortedBars;
  readonly retried: SortedBars;
  readonly setups: SortedBars;
  readonly fruitless: SortedBars;
}

/** The bars of a lease together. */
interface Span {
  start: number;
  end: number;
}

/**
 * Puts the bars of a timeline together, from the rows of the store and the leases that are held. The calls come in this
 * order: addAtoms and addRetried for each part of the atoms, addPlaces for their leases, addLease, end.
 */
export class TimelineDrawing {
  readonly #held: HeldWork;
  readonly #atoms = new Bars();
  readonly #retried = new Bars();
  readonly #setups = new Bars();
  readonly #fruitless = new Bars();
  /** By lease, like the next. */
  readonly #spans = new Map<number, Span>();
  readonly #places = new Map<number, Place>();
  readonly #executors = new ExecutorList();
  /** How many earlier runs of an atom are shown; only of those that were to run again. */
  readonly #earlierRuns = new Map<number, number>();
  #unplaced = 0;

  constructor(held: HeldWork) {
    this.#held = held;
    for (const { slave, executor, start } of held.setups) {
      this.#setups.add(0, this.#executors.executor(slave, executor), start, NO_END, 0);
    }
  }

  /** Atoms that have begun, and whose bars are missing. */
  get unplaced(): number {
    return this.#unplaced;
  }

  addAtoms({ atoms, unplaced }: { readonly atoms: AtomColumns; readonly unplaced: number }): void {
    this.#unplaced += unplaced;
    for (let place = 0; place < atoms.id.length; place += 1) {
      const id = atoms.id[place] ?? 0;
      const lease = atoms.lease[place] ?? null;
      const state = atoms.state[place] ?? IN_PROGRESS;
      const retries = atoms.retries[place] ?? 0;
      const running = this.#held.running.get(id);
      // The row of an atom that runs again is that of the run before.
      const isAgain = running !== undefined && running.lease !== lease;
      if (retries > 0) {
        this.#earlierRuns.set(id, atoms.kept[place] === 1 && !isAgain ? retries - 1 : retries);
      }
      if (isAgain) {
        this.#add(this.#atoms, id, running.lease, running.start, NO_END, IN_PROGRESS);
      } else if (lease === null) {
        this.#unplaced += 1;
      } else if (state !== IN_PROGRESS || this.#held.places.has(lease)) {
        const duration = state === IN_PROGRESS ? NO_END : (atoms.duration[place] ?? NO_END);
        this.#add(this.#atoms, id, lease, atoms.start[place] ?? 0, duration, state);
      }
    }
  }

  addRetried({ id: ids, run, lease: leases, start, duration }: RunColumns): void {
    for (const [place, id] of ids.entries()) {
      const lease = leases[place] ?? null;
      if (lease !== null && (run[place] ?? 0) < (this.#earlierRuns.get(id) ?? 0)) {
        this.#add(this.#retried, id, lease, start[place] ?? 0, duration[place] ?? 0, FAILED);
      }
    }
  }

  /** The leases of all bars. */
  get leases(): number[] {
    return [...this.#spans.keys()];
  }

  /** Places of other leases are ignored. */
  addPlaces({ id, slave, executor, end }: LeasePlaces): void {
    for (const [place, lease] of id.entries()) {
      if (this.#spans.has(lease)) {
        this.#places.set(lease, {
          slave: slave[place] ?? 0,
          executor: executor[place] ?? this.#held.places.get(lease)?.executor ?? null,
          end: end[place] ?? null,
        });
      }
    }
  }

  /** Whether the executor of a bar is not known, so that its lane depends on all bars. */
  get needsLanes(): boolean {
    return this.leases.some((lease) => this.#placeOf(lease)?.executor === null);
  }

  addLease({ slave, executor, start, end, setup_start, setup_ms, state }: LeaseBar): void {
    const at = this.#executors.executor(slave, executor);
    if (setup_start !== null && setup_ms !== null) {
      this.#setups.add(0, at, setup_start, setup_ms, 0);
    }
    const how = placeOfEnd[state];
    if (how !== undefined && end !== null) {
      this.#fruitless.add(0, at, start, end - start, how);
    }
  }

  /** The slaves whose names `end` needs. */
  get slaves(): number[] {
    const ofLeases = this.leases.flatMap((lease) => this.#placeOf(lease)?.slave ?? []);
    return [...new Set([...this.#executors.slaves, ...ofLeases])];
  }

  end(names: ReadonlyMap<number, string>): DrawnColumns {
    const numbers = this.#numbers();
    const { list, places } = this.#executors.sorted(names);
    const ofNumber = (number: number) => places[number] ?? 0;
    const ofLease = (lease: number) => {
      const number = numbers.get(lease);
      return number === undefined ? -1 : ofNumber(number);
    };
    // A lost atom ended with its lease.
    const endOf = (lease: number) => this.#placeOf(lease)?.end ?? null;
    const atoms = this.#atoms.sorted(list.length, ofLease, endOf);
    this.#unplaced += this.#atoms.size - atoms.id.length;
    return {
      executors: list,
      atoms,
      retried: this.#retried.sorted(list.length, ofLease),
      setups: this.#setups.sorted(list.length, ofNumber),
      fruitless: this.#fruitless.sorted(list.length, ofNumber),
    };
  }

  #add(bars: Bars, id: number, lease: number, start: number, duration: number, state: number): void {
    bars.add(id, lease, start, duration, state);
    const end = duration === NO_END ? Number.POSITIVE_INFINITY : start + duration;
    const span = this.#spans.get(lease);
    if (span === undefined) {
      this.#spans.set(lease, { start, end });
    } else {
      span.start = Math.min(span.start, start);
      span.end = Math.max(span.end, end);
    }
  }

  /** The numbers of executors and lanes, by lease. */
  #numbers(): Map<number, number> {
    const lanes = lanesOf(this.#unknownSpans());
    const numbers = new Map<number, number>();
    for (const lease of this.#spans.keys()) {
      const place = this.#placeOf(lease);
      if (place !== undefined) {
        const { slave, executor } = place;
        const number =
          executor === null
            ? this.#executors.lane(slave, lanes.get(lease) ?? 0)
            : this.#executors.executor(slave, executor);
        numbers.set(lease, number);
      }
    }
    return numbers;
  }

  /** The spans of leases whose executors are not known. */
  #unknownSpans(): LeaseSpan[] {
    return [...this.#spans].flatMap(([lease, { start, end }]) => {
      const place = this.#placeOf(lease);
      return place?.executor === null
        ? [{ lease, slave: place.slave, start, end: Math.min(end, place.end ?? Number.POSITIVE_INFINITY) }]
        : [];
    });
  }

  #placeOf(lease: number): Place | undefined {
    const held = this.#held.places.get(lease);
    return this.#places.get(lease) ?? (held === undefined ? undefined : { ...held, end: null });
  }
}
