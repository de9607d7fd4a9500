import type { Timeline } from '../../../../protocol/build/timeline.js';
import type { SlaveId } from '../../../../protocol/ids.js';
import { slaveLabels } from '../../../parts/text/slave-labels.js';
import { type BarKind, isBad } from './bar-looks.js';

/* The bars of a build by executor, put together from the responses of the master. */

/** Times are milliseconds after the build was requested. */
export interface Bar {
  readonly start: number;
  /** Infinity for what goes on. */
  readonly end: number;
  readonly kind: BarKind;
  /** The atom's; 0 for what is no atom. */
  readonly id: number;
  readonly slave: string;
}

/** An executor with its bars, by start. The first row is that of the preparation, if there was one. */
export interface TimelineRow {
  /** Identifies the row in later timelines of the build. */
  readonly key: string;
  /** null for the preparation, which has no executor. */
  readonly slave: string | null;
  /** EXECUTOR_INDEX, if it is known. */
  readonly executor: number | null;
  readonly bars: readonly Bar[];
  /** The latest end of the bars up to each place. */
  readonly reach: Float64Array;
  /** How many of the bars before each place are bad; one more than there are bars. */
  readonly badBefore: Uint32Array;
}

export interface BuildTimeline {
  /** Seconds since the epoch. */
  readonly begins: number;
  /** Milliseconds from the request to the end of the build, or to the time of the response. */
  readonly end: number;
  /** Whether nothing changes any more. */
  readonly isComplete: boolean;
  readonly rows: readonly TimelineRow[];
  /** Atoms that have run, and of which it is not known when. */
  readonly numUnplaced: number;
}

interface Executor {
  /** Sorts the executors of a slave, those whose indexes are not known last. */
  readonly key: string;
  readonly slaveId: SlaveId;
  readonly slave: string;
  readonly index: number | null;
}

interface PlacedBar extends Bar {
  readonly executor: string;
}

const { compare } = new Intl.Collator('en', { numeric: true });

/** Takes the responses one after another, of which later ones have only the atoms that may have changed. */
export class TimelineBars {
  #cursor: string | null = null;
  readonly #atoms = new Map<number, PlacedBar>();
  readonly #retried = new Map<number, PlacedBar[]>();
  readonly #executors = new Map<string, Executor>();

  /** For the next request; null before the first response. */
  get cursor(): string | null {
    return this.#cursor;
  }

  accept(timeline: Timeline): BuildTimeline {
    const { whole, begins, atoms, retried, states, now, ends } = timeline;
    this.#cursor = timeline.cursor;
    if (whole) {
      this.#atoms.clear();
      this.#retried.clear();
      this.#executors.clear();
    }
    const executors = executorsOf(timeline);
    for (const executor of executors) {
      this.#executors.set(executor.key, executor);
    }
    const place = placer(executors);
    for (const [at, id] of atoms.id.entries()) {
      const kind = states[atoms.state[at] ?? -1] ?? 'passed';
      this.#atoms.set(id, place(atoms, at, kind, id));
      this.#retried.delete(id);
    }
    for (const [at, id] of retried.id.entries()) {
      const run = place(retried, at, 'retried', id);
      this.#retried.set(id, [...(this.#retried.get(id) ?? []), run]);
    }
    return {
      begins,
      end: Math.max(0, Math.round(((ends ?? now) - begins) * 1000)),
      isComplete: timeline.complete,
      rows: [...preparationRow(timeline), ...this.#rows(workBars(timeline, place))],
      numUnplaced: timeline.num_unplaced,
    };
  }

  #rows(work: readonly PlacedBar[]): TimelineRow[] {
    const byExecutor = new Map<string, Bar[]>();
    for (const bars of [work, this.#atoms.values(), ...this.#retried.values()]) {
      for (const bar of bars) {
        const before = byExecutor.get(bar.executor);
        if (before === undefined) {
          byExecutor.set(bar.executor, [bar]);
        } else {
          before.push(bar);
        }
      }
    }
    const executors = [...this.#executors.values()].sort(
      (a, b) => compare(a.slave, b.slave) || compare(a.key, b.key),
    );
    const labelOf = slaveLabels(executors.map(({ slaveId, slave }) => ({ id: slaveId, name: slave })));
    return executors.flatMap(({ key, slaveId, slave: name, index }) => {
      const bars = byExecutor.get(key);
      const slave = labelOf({ id: slaveId, name });
      const labeled = slave === name ? bars : bars?.map((bar) => ({ ...bar, slave }));
      return labeled === undefined ? [] : [rowOf({ key, slave, executor: index }, labeled)];
    });
  }
}

/** Sorts the bars of a row. */
export function rowOf(
  { key, slave, executor }: Pick<TimelineRow, 'key' | 'slave' | 'executor'>,
  bars: Bar[],
): TimelineRow {
  // Bars that contain others with the same start stay before them.
  bars.sort((a, b) => a.start - b.start);
  const reach = new Float64Array(bars.length);
  const badBefore = new Uint32Array(bars.length + 1);
  let [latest, bad] = [0, 0];
  for (const [place, { end, kind }] of bars.entries()) {
    latest = Math.max(latest, end);
    bad += isBad(kind) ? 1 : 0;
    reach[place] = latest;
    badBefore[place + 1] = bad;
  }
  return { key, slave, executor, bars, reach, badBefore };
}

function executorsOf({ executors }: Timeline): Executor[] {
  let lane = 0;
  return executors.map(({ slave_id, slave, index }, at) => {
    // Lanes of a slave follow each other.
    lane = executors[at - 1]?.slave_id === slave_id && index === null ? lane + 1 : 0;
    return {
      key: index === null ? `${slave_id} lane ${lane}` : `${slave_id} ${index}`,
      slaveId: slave_id,
      slave,
      index,
    };
  });
}

interface Columns {
  readonly executor: readonly number[];
  readonly start: readonly number[];
  readonly duration: readonly (number | null)[];
}

type Place = (columns: Columns, at: number, kind: BarKind, id: number) => PlacedBar;

function placer(executors: readonly Executor[]): Place {
  return ({ executor, start: starts, duration }, at, kind, id) => {
    const { key = '', slave = '' } = executors[executor[at] ?? -1] ?? {};
    const start = starts[at] ?? 0;
    const length = duration[at] ?? Number.POSITIVE_INFINITY;
    return { start, end: start + length, kind, id, slave, executor: key };
  };
}

function workBars({ setups, fruitless, ends_of_fruitless: ends }: Timeline, place: Place): PlacedBar[] {
  return [
    ...fruitless.start.map((_, at) =>
      place(fruitless, at, `work ${ends[fruitless.end[at] ?? -1] ?? 'returned'}`, 0),
    ),
    ...setups.start.map((_, at) => place(setups, at, 'setup', 0)),
  ];
}

function preparationRow({ preparations, begins }: Timeline): TimelineRow[] {
  const bars = preparations.map(({ started_at: started, ended_at: ended, slave }): Bar => {
    const after = (time: number) => Math.max(0, Math.round((time - begins) * 1000));
    const end = ended === null ? Number.POSITIVE_INFINITY : after(ended);
    return { start: after(started), end, kind: 'preparation', id: 0, slave };
  });
  return bars.length === 0 ? [] : [rowOf({ key: 'preparation', slave: null, executor: null }, bars)];
}
