import { expect } from 'chai';
import fc from 'fast-check';
import { isOfAtom } from '../../../../../../src/dashboard/pages/build/timeline/bar-looks.js';
import { BusyProfile } from '../../../../../../src/dashboard/pages/build/timeline/drawing/busy-profile.js';
import { summarySentences } from '../../../../../../src/dashboard/pages/build/timeline/summary-words.js';
import type { BuildTimeline } from '../../../../../../src/dashboard/pages/build/timeline/timeline-bars.js';
import {
  durationOf,
  slowestRuns,
  timelineSummary,
} from '../../../../../../src/dashboard/pages/build/timeline/timeline-summary.js';
import {
  anyNestedRow,
  anyRow,
  bar,
  preparationRow,
  row,
  timeline,
} from '../../../../../support/timeline-samples.js';

const anyTimeline = fc
  .tuple(fc.array(fc.oneof(anyRow, anyNestedRow), { maxLength: 6 }), fc.nat(50_000))
  .map(([rows, more]) => {
    const numbered = rows.map(({ bars }, executor) => row(bars, executor));
    return timeline(numbered, Math.max(0, ...rows.map(({ reach }) => reach.at(-1) ?? 0)) + more);
  });

/** The sentences, with atoms as their numbers. */
function words(of: BuildTimeline): string[] {
  return summarySentences(timelineSummary(of)).map(({ parts }) =>
    parts.map((part) => (typeof part === 'string' ? part : `#${part.atom}`)).join(''),
  );
}

describe('the summary of a timeline', () => {
  it('divides the time of the executors into parts that make up all of it', () => {
    fc.assert(
      fc.property(anyTimeline, (one) => {
        const { time } = timelineSummary(one);
        const { all, ...parts } = time;
        const sum = Object.values(parts).reduce((total, value) => total + value, 0);
        expect(sum).to.be.closeTo(all, 1e-6);
        expect(Math.min(...Object.values(parts))).to.be.at.least(-1e-6);
      }),
    );
  });

  it('counts work until now for what goes on, and the same time in parts of a millisecond', () => {
    const { time } = timelineSummary(
      timeline([row([bar(100, Number.POSITIVE_INFINITY, 'in_progress')])], 400),
    );
    expect(time).to.deep.equal({ all: 300, tests: 300, setup: 0, retried: 0, fruitless: 0, idle: 0 });
  });

  it('counts the time of atoms whose work was lost once, as lost', () => {
    const lost = row([bar(0, 1000, 'work lost'), bar(0, 400), bar(1000, 1500)]);
    expect(timelineSummary(timeline([lost], 2000)).time).to.include({
      all: 2000,
      tests: 500,
      fruitless: 1000,
      idle: 500,
    });
  });

  it('names the longest of all atoms', () => {
    fc.assert(
      fc.property(anyTimeline, fc.integer({ min: 1, max: 9 }), (one, count) => {
        const last = one.rows
          .flatMap(({ bars }) => bars.filter(({ kind }) => isOfAtom(kind) && kind !== 'retried'))
          .map((each) => durationOf(each, one.end))
          .sort((a, b) => b - a);
        const { slowest } = timelineSummary(one);
        expect(slowest === null ? undefined : durationOf(slowest, one.end)).to.equal(last[0]);
        expect(slowestRuns(one, count).map((each) => durationOf(each, one.end))).to.deep.equal(
          last.slice(0, count),
        );
      }),
    );
  });

  it('tells how long one executor alone was busy, and with which atom', () => {
    const rows = [row([bar(0, 100_000, 'passed', 7)]), row([bar(0, 60_000)], 1), row([bar(0, 50_000)], 2)];
    const { tail, unevenness } = timelineSummary(timeline(rows, 100_000));
    expect([tail?.duration, tail?.bar?.id, unevenness]).to.deep.equal([40_000, 7, 40_000]);
  });

  it('does not blame one atom for an end in which several ran one after another', () => {
    const rows = [row([bar(0, 80_000), bar(80_000, 100_000)]), row([bar(0, 60_000)], 1)];
    const { tail } = timelineSummary(timeline(rows, 100_000));
    expect([tail?.duration, tail?.bar]).to.deep.equal([40_000, null]);
  });

  it('has no tail for a short one, and for a build on one executor', () => {
    const short = [row([bar(0, 100_000)]), row([bar(0, 98_000)], 1)];
    expect(timelineSummary(timeline(short, 100_000)).tail).to.equal(null);
    expect(timelineSummary(timeline([row([bar(0, 100_000)])], 100_000)).tail).to.equal(null);
  });

  it('takes the tail from the executors that are busy longest, however the rows are sorted', () => {
    fc.assert(
      fc.property(anyTimeline, (one) => {
        const turned = timelineSummary({ ...one, rows: [...one.rows].reverse() });
        const { tail, unevenness, time } = timelineSummary(one);
        expect(turned.tail?.duration).to.equal(tail?.duration);
        expect(turned.unevenness).to.equal(unevenness);
        expect(turned.time.idle).to.be.closeTo(time.idle, 1e-6);
      }),
    );
  });
});

describe('the summary in words', () => {
  it('says where the time went, and what determined the end', () => {
    const rows = [
      preparationRow(2000, 6000),
      row([bar(6000, 16_000, 'setup'), bar(16_000, 106_000, 'passed', 3)]),
      row(
        [bar(6000, 16_000, 'setup'), bar(16_000, 26_000, 'retried', 1), bar(26_000, 56_000, 'flaky', 1)],
        1,
      ),
    ];
    expect(words(timeline(rows, 106_000))).to.deep.equal([
      '1 min 46 s in all: 2.0 s waiting, 4.0 s preparation, then work on 2 executors.',
      'The time of the executors: 60 % tests, 10 % setup, 5 % failed runs of atoms that ran again, 25 % idle or in other builds.',
      'In the last 50 s only 1 of 2 executors was busy: with #3, which alone determined the end.',
      'Half of the executors had no work of this build for the last 50 s.',
      'The slowest atom is #3: 1 min 30 s, 85 % of the total.',
      '1 failed run of atoms that ran again took 10 s of the executors.',
    ]);
  });

  it('says so in the present while the build runs', () => {
    const rows = [row([bar(0, Number.POSITIVE_INFINITY, 'in_progress', 3)]), row([bar(0, 20_000)], 1)];
    const found = words(timeline(rows, 60_000, { isComplete: false }));
    expect(found[0]).to.match(/^1 min 00 s so far: /);
    expect(found).to.include(
      'For 40 s only 1 of 2 executors has been busy: with #3, which alone determines the end.',
    );
  });

  it('does not round a small share to nothing', () => {
    const rows = [row([bar(0, 100_000), bar(100_000, 100_100, 'retried')])];
    expect(words(timeline(rows, 100_100))[1]).to.contain('100 % tests, 0 % setup, below 1 % failed runs');
  });

  it('is one sentence before anything has run', () => {
    expect(words(timeline([preparationRow(1000, Number.POSITIVE_INFINITY)], 3000))).to.deep.equal([
      '3.0 s in all: 1.0 s waiting, 2.0 s preparation.',
    ]);
    expect(words(timeline([], 500))).to.have.length(1);
  });
});

describe('the profile of busy executors', () => {
  it('has the mean of any time, as if it were counted millisecond by millisecond', () => {
    fc.assert(
      fc.property(anyTimeline, fc.nat(30_000), fc.integer({ min: 1, max: 40 }), (one, from, length) => {
        const to = from + length;
        let busy = 0;
        for (let time = from; time < to; time += 1) {
          busy += one.rows.filter(({ bars }) =>
            bars.some(({ start, end }) => start <= time && Math.min(end, one.end) > time),
          ).length;
        }
        expect(new BusyProfile(one).meanBetween(from, to)).to.be.closeTo(busy / length, 1e-6);
      }),
    );
  });

  it('never has more executors than there are', () => {
    fc.assert(
      fc.property(anyTimeline, fc.nat(30_000), (one, from) => {
        const profile = new BusyProfile(one);
        expect(profile.meanBetween(from, from + 7)).to.be.within(0, profile.numExecutors + 1e-9);
      }),
    );
  });
});
