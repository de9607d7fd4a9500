import { expect } from 'chai';
import fc from 'fast-check';
import { type EndedBuild, summaryOf, trendOf } from '../../../../src/domain/history/build-trend.js';

const DAY_MS = 86_400_000;

const build = (facts: Partial<EndedBuild> = {}): EndedBuild => ({
  state: 'FINISHED',
  isSuccess: true,
  isPartial: false,
  seconds: 10,
  endedAt: 0,
  retrySeconds: 0,
  ...facts,
});

describe('the summary of builds', () => {
  it('counts canceled builds and builds of given atoms neither as passed nor as failed', () => {
    const failed = build({ isSuccess: false, seconds: 20 });
    const canceled = build({ state: 'CANCELED', isSuccess: false, seconds: 1 });
    const partial = build({ isPartial: true, isSuccess: false, seconds: 2 });
    expect(summaryOf([build(), failed, canceled, partial])).to.deep.equal({
      passRate: 0.5,
      p50Seconds: 10,
      p95Seconds: 20,
    });
  });

  it('counts a build that could not be prepared as failed, and its time not at all', () => {
    const broken = build({ state: 'ERROR', isSuccess: false, seconds: 1 });
    expect(summaryOf([broken])).to.deep.equal({ passRate: 0, p50Seconds: null, p95Seconds: null });
  });

  it('says nothing where there is nothing to judge', () => {
    expect(summaryOf([build({ state: 'CANCELED' })]).passRate).to.equal(null);
  });
});

describe('the trend of a job', () => {
  it('has each build on the day of its end, once', () => {
    const ended = fc.record({
      state: fc.constantFrom<EndedBuild['state']>('FINISHED', 'CANCELED', 'ERROR'),
      isSuccess: fc.boolean(),
      isPartial: fc.boolean(),
      seconds: fc.option(fc.nat({ max: 100 })),
      endedAt: fc.nat({ max: 20 * DAY_MS }),
      retrySeconds: fc.nat({ max: 100 }),
    });
    fc.assert(
      fc.property(fc.array(ended), (builds) => {
        const days = trendOf(builds);
        expect(days.map(({ day }) => day)).to.deep.equal(
          [...new Set(builds.map(({ endedAt }) => Math.floor(endedAt / DAY_MS)))].sort((a, b) => a - b),
        );
        const sum = (of: (day: (typeof days)[number]) => number) =>
          days.reduce((total, day) => total + of(day), 0);
        expect(sum(({ numBuilds }) => numBuilds)).to.equal(builds.length);
        expect(sum(({ numPassed, numFailed, numCanceled }) => numPassed + numFailed + numCanceled)).to.equal(
          builds.filter(({ isPartial }) => !isPartial).length,
        );
        expect(sum(({ retrySeconds }) => retrySeconds)).to.equal(
          builds.reduce((total, one) => total + one.retrySeconds, 0),
        );
      }),
    );
  });
});
