import { expect } from 'chai';
import fc from 'fast-check';
import {
  barKinds,
  barLooks,
  legendOf,
} from '../../../../../../src/dashboard/pages/build/timeline/bar-looks.js';
import { TimelineBars } from '../../../../../../src/dashboard/pages/build/timeline/timeline-bars.js';
import type { Timeline } from '../../../../../../src/protocol/build/timeline.js';
import { toId } from '../../../../../../src/protocol/ids.js';

const states = ['in_progress', 'passed', 'failed', 'lost', 'interrupted', 'flaky'] as const;

interface Run {
  readonly id: number;
  readonly executor: number;
  readonly start: number;
  readonly duration: number | null;
  readonly state: number;
  readonly earlier: readonly number[];
}

/** A response of the master with the runs, whose executors are numbered in the order of their first use. */
function response(runs: readonly Run[], more: Partial<Timeline> = {}): Timeline {
  const numbers = [...new Set(runs.map(({ executor }) => executor))];
  const column = (name: 'id' | 'start' | 'state') => runs.map((run) => run[name]);
  const retried = runs.flatMap((run) => run.earlier.map((start) => ({ ...run, start })));
  const executor = (run: Run) => numbers.indexOf(run.executor);
  return {
    now: 1100,
    begins: 1000,
    ends: null,
    cursor: 'next',
    complete: false,
    whole: true,
    num_unplaced: 0,
    preparations: [],
    executors: numbers.map((number) => ({
      slave_id: toId.slave(1 + (number % 3)),
      slave: `slave-${1 + (number % 3)}`,
      index: Math.floor(number / 3),
    })),
    setups: { executor: [], start: [], duration: [] },
    fruitless: { executor: [], start: [], duration: [], end: [] },
    atoms: {
      id: column('id'),
      executor: runs.map(executor),
      start: column('start'),
      duration: runs.map(({ duration }) => duration),
      state: column('state'),
    },
    retried: {
      id: retried.map(({ id }) => id),
      executor: retried.map(executor),
      start: retried.map(({ start }) => start),
      duration: retried.map(() => 7),
    },
    states: [...states],
    ends_of_fruitless: ['lost', 'returned', 'canceled'],
    ...more,
  };
}

const anyRun = (id: number) =>
  fc.record({
    id: fc.constant(id),
    executor: fc.nat(7),
    start: fc.nat(90_000),
    duration: fc.option(fc.nat(5000)),
    state: fc.nat(5),
    earlier: fc.array(fc.nat(90_000), { maxLength: 2 }),
  });
const anyRuns = fc
  .integer({ min: 0, max: 30 })
  .chain((n) => fc.tuple(...Array.from({ length: n }, (_, id) => anyRun(id))));
const one: Run = { id: 0, executor: 0, start: 10, duration: 20, state: 1, earlier: [] };

describe('the bars of a timeline', () => {
  it('are the same from one response as from several with what has changed', () => {
    fc.assert(
      fc.property(anyRuns, anyRuns, (before, after) => {
        const bars = new TimelineBars();
        bars.accept(response(before));
        const { rows } = bars.accept(response(after, { whole: false }));
        const merged = [...after, ...before.filter(({ id }) => id >= after.length)];
        const expected = new TimelineBars().accept(response(merged)).rows;
        const plain = (all: typeof rows) =>
          all.map(({ key, bars: ofRow }) => [
            key,
            ofRow.map(({ id, start, end, kind }) => `${start} ${end} ${id} ${kind}`).sort(),
          ]);
        expect(plain(rows)).to.deep.equal(plain(expected));
      }),
    );
  });

  it('name the id of a slave where another one has the same name', () => {
    const run = (executor: number): Run => ({
      id: executor,
      executor,
      start: 0,
      duration: 5,
      state: 1,
      earlier: [],
    });
    const twins = [1, 2].map((id) => ({ slave_id: toId.slave(id), slave: 'twin', index: 0 }));
    const { rows } = new TimelineBars().accept(response([run(0), run(1)], { executors: twins }));
    expect(rows.map(({ slave, bars }) => [slave, bars[0]?.slave])).to.deep.equal([
      ['twin (#1)', 'twin (#1)'],
      ['twin (#2)', 'twin (#2)'],
    ]);
  });

  it('are in rows by slave and executor, sorted by start', () => {
    fc.assert(
      fc.property(anyRuns, (runs) => {
        const { rows } = new TimelineBars().accept(response(runs));
        const names = rows.map(({ slave, executor }) => `${slave} ${executor}`);
        expect(names).to.deep.equal([...names].sort());
        for (const { bars } of rows) {
          expect(bars.every(({ start }, at) => start >= (bars[at - 1]?.start ?? 0))).to.equal(true);
        }
        const count = rows.reduce((sum, { bars }) => sum + bars.length, 0);
        expect(count).to.equal(runs.length + runs.flatMap(({ earlier }) => earlier).length);
      }),
    );
  });

  it('begin again with a whole response', () => {
    const bars = new TimelineBars();
    bars.accept(response([one, { ...one, id: 1 }]));
    const { rows } = bars.accept(response([{ ...one, id: 1, executor: 4 }]));
    expect(rows.map(({ key, bars: ofRow }) => [key, ofRow.length])).to.deep.equal([['2 1', 1]]);
  });

  it('ask for what has changed since the last response', () => {
    const bars = new TimelineBars();
    expect(bars.cursor).to.equal(null);
    bars.accept(response([], { cursor: 'a.7' }));
    expect(bars.cursor).to.equal('a.7');
  });

  it('have no end while their work goes on, and the build ends with the response', () => {
    const { rows, end, isComplete } = new TimelineBars().accept(
      response([{ ...one, duration: null, state: 0 }]),
    );
    expect(rows[0]?.bars[0]).to.include({ kind: 'in_progress', end: Number.POSITIVE_INFINITY });
    expect({ end, isComplete }).to.deep.equal({ end: 100_000, isComplete: false });
  });

  it('have a row for the preparation, with its slaves', () => {
    const preparations = [
      { started_at: 1001, ended_at: 1003, slave: 'slave-9' },
      { started_at: 1004, ended_at: null, slave: 'slave-8' },
    ];
    const [first] = new TimelineBars().accept(response([], { preparations })).rows;
    expect(first).to.include({ slave: null, executor: null });
    expect(first?.bars.map(({ start, end, slave }) => [start, end, slave])).to.deep.equal([
      [1000, 3000, 'slave-9'],
      [4000, Number.POSITIVE_INFINITY, 'slave-8'],
    ]);
  });

  it('have rows of their own for executors that are not known', () => {
    const lane = { slave_id: toId.slave(1), slave: 'slave-1', index: null };
    const { rows } = new TimelineBars().accept(
      response([one, { ...one, id: 1, executor: 1 }], { executors: [lane, lane] }),
    );
    expect(rows.map(({ key, executor }) => [key, executor])).to.deep.equal([
      ['1 lane 0', null],
      ['1 lane 1', null],
    ]);
  });

  it('show work without a result below the atoms that were a part of it', () => {
    const { rows } = new TimelineBars().accept(
      response([one], {
        fruitless: { executor: [0], start: [10], duration: [500], end: [1] },
        setups: { executor: [0], start: [10], duration: [3] },
      }),
    );
    expect(rows[0]?.bars.map(({ kind }) => kind)).to.deep.equal(['work returned', 'setup', 'passed']);
  });

  it('are sorted by the numbers of slaves and executors, and not by their digits', () => {
    const executors = [
      { slave_id: toId.slave(10), slave: 'machine-10', index: 2 },
      { slave_id: toId.slave(2), slave: 'machine-2', index: 10 },
      { slave_id: toId.slave(2), slave: 'machine-2', index: 9 },
      { slave_id: toId.slave(2), slave: 'machine-2', index: null },
    ];
    const runs = executors.map((_, at) => ({ ...one, id: at, executor: at }));
    const { rows } = new TimelineBars().accept(response(runs, { executors }));
    expect(rows.map(({ slave, executor }) => `${slave} ${executor}`)).to.deep.equal([
      'machine-2 9',
      'machine-2 10',
      'machine-2 null',
      'machine-10 2',
    ]);
  });
});

describe('the legend', () => {
  it('has each look once, with the words of all kinds that share it', () => {
    expect(legendOf(['setup', 'passed', 'lost', 'failed'])).to.deep.equal([
      { kind: 'setup', words: 'setup' },
      { kind: 'passed', words: 'passed' },
      { kind: 'lost', words: 'lost, failed' },
    ]);
  });

  it('has no look of other kinds that differs from that of a failure in color alone', () => {
    const looks = legendOf(barKinds).map(({ kind }) => barLooks[kind]);
    const forms = looks.filter(({ isBad }) => isBad === true).map(({ form }) => form);
    for (const { form, isBad } of looks) {
      expect(isBad === true || !forms.includes(form), form).to.equal(true);
    }
  });
});
