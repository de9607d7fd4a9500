import { expect } from 'chai';
import fc from 'fast-check';
import {
  areaPath,
  averageText,
  axisTimes,
  knownSpan,
  loadPoints,
  loadSummary,
} from '../../../../../src/dashboard/pages/fleet/load/load-points.js';

const HOUR = 3600;
const load = (...minutes: readonly (readonly [at: number, busy: number, waiting: number])[]) => ({
  at: minutes.map(([at]) => at),
  num_executors: minutes.map(() => 4),
  num_executors_busy: minutes.map(([, busy]) => busy),
  num_waiting: minutes.map(([, , waiting]) => waiting),
});
const timeText = (at: number) => `${at} s`;

describe('the load of the executors', () => {
  it('has the averages of each part of the time, and gaps where the master did not run', () => {
    const points = loadPoints(load([0, 2, 0], [60, 4, 1], [HOUR - 60, 1, 0]), { from: 0, to: HOUR }, 3);
    expect(points).to.deep.equal([
      { at: 0, executors: 4, busy: 3, waiting: 0.5 },
      null,
      { at: 2400, executors: 4, busy: 1, waiting: 0 },
    ]);
  });

  it('leaves out what lies outside the time', () => {
    expect(loadPoints(load([-60, 1, 1], [2 * HOUR, 1, 1]), { from: 0, to: HOUR }, 2)).to.deep.equal([
      null,
      null,
    ]);
  });

  it('has no part that is shorter than a minute', () => {
    expect(loadPoints(load([0, 2, 0]), { from: 0, to: 150 }, 240)).to.have.length(2);
  });

  it('begins with the first minute that is known, in the hours that are asked for', () => {
    expect(knownSpan(load([9000, 1, 0], [9060, 1, 0]), 10_000, 1)).to.deep.equal({ from: 9000, to: 10_000 });
    expect(knownSpan(load([60, 1, 0], [9060, 1, 0]), 10_000, 1)).to.deep.equal({ from: 6400, to: 10_000 });
    expect(knownSpan(load(), 10_000, 1)).to.deep.equal({ from: 6400, to: 10_000 });
  });

  it('has times on its axis from its beginning to its end, each a minute after the one before or later', () => {
    fc.assert(
      fc.property(fc.nat(1e9), fc.integer({ min: 60, max: 90_000 }), (from, seconds) => {
        const times = axisTimes({ from, to: from + seconds });
        expect([times[0], times.at(-1)]).to.deep.equal([from, from + seconds]);
        expect(times.length).to.be.within(2, 5);
        for (const [place, time] of times.slice(1).entries()) {
          expect(time - (times[place] ?? 0)).to.be.at.least(59.999);
        }
      }),
    );
  });

  it('is a sentence', () => {
    const points = loadPoints(load([0, 2, 0], [60, 4, 2]), { from: 0, to: 120 }, 2);
    expect(loadSummary(points, timeText)).to.equal(
      'On average 3 of 4 executors worked (75 %). The most subjobs waited at 60 s: about 2.',
    );
    expect(loadSummary(loadPoints(load([0, 1, 0]), { from: 0, to: 60 }, 1), timeText)).to.equal(
      'On average 1 of 4 executors worked (25 %). Nothing waited for one.',
    );
  });

  it('is a sentence also without slaves, and before anything is known', () => {
    const none = { at: 0, executors: 0, busy: 0, waiting: 3 };
    expect(loadSummary([none], timeText)).to.equal('No slave was connected.');
    expect(loadSummary([null], timeText)).to.equal('Nothing is known of this time yet.');
  });

  it('has a decimal only where it says something', () => {
    expect([0, 0.26, 12, 99.96, 1234.5].map(averageText)).to.deep.equal(['0', '0.3', '12', '100', '1235']);
  });
});

describe('the path of areas', () => {
  const box = { width: 30, height: 10 };

  it('has a step for each value', () => {
    expect(areaPath([1, 2, 0], 2, box)).to.equal('M0 10V5H10V0H20V10H30V10Z');
  });

  it('leaves gaps', () => {
    expect(areaPath([1, null, 1], 1, box)).to.equal('M0 10V0H10V10ZM20 10V0H30V10Z');
  });

  it('stays in its box', () => {
    const value = fc.option(fc.float({ min: 0, max: 1000, noNaN: true }));
    fc.assert(
      fc.property(fc.array(value), fc.float({ min: 0, max: 1000, noNaN: true }), (values, highest) => {
        for (const [number] of areaPath(values, highest, box).matchAll(/-?[\d.]+(?:e-?\d+)?/g)) {
          expect(Number(number)).to.be.within(0, 30);
        }
      }),
    );
  });
});
