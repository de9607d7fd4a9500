import { expect } from 'chai';
import fc from 'fast-check';
import {
  markPaths,
  type ShownRun,
  titleOfRun,
  titleOfRuns,
} from '../../../../../src/dashboard/parts/status/verdict-marks.js';
import { toId } from '../../../../../src/protocol/ids.js';

const run = (outcome: ShownRun['outcome'], flaky = false, seconds: number | null = 1): ShownRun => ({
  build_id: toId.build(7),
  outcome,
  flaky,
  seconds,
});
const anyRun = fc.record({
  build_id: fc.nat().map(toId.build),
  outcome: fc.constantFrom('PASSED' as const, 'FAILED' as const, 'LOST' as const),
  flaky: fc.boolean(),
  seconds: fc.option(fc.nat(100)),
});

describe('the marks of verdicts', () => {
  it('are one for each run, from left to right at equal distances', () => {
    fc.assert(
      fc.property(fc.array(anyRun, { maxLength: 50 }), (runs) => {
        const places = markPaths(runs, 4, 26)
          .flatMap(({ path }) => [...path.matchAll(/M([\d.]+) 26v-\d+/g)].map(([, x]) => Number(x)))
          .sort((a, b) => a - b);
        expect(places).to.deep.equal(runs.map((_, index) => index * 4 + 2));
      }),
    );
  });

  it('are higher for a failed run than for a flaky one, and lowest for one that passed', () => {
    const runs = [run('PASSED'), run('PASSED', true), run('FAILED'), run('LOST')];
    expect(markPaths(runs, 4, 20)).to.deep.equal([
      { tone: 'good', path: 'M2 20v-3' },
      { tone: 'warn', path: 'M6 20v-6' },
      { tone: 'bad', path: 'M10 20v-10' },
      { tone: 'quiet', path: 'M14 20v-10' },
    ]);
  });

  it('are said in words, all together and one by one', () => {
    expect(titleOfRuns([])).to.equal('no runs');
    expect(titleOfRuns([run('LOST')])).to.equal('1 run: 1 lost');
    expect(titleOfRuns([run('FAILED'), run('PASSED', true), run('PASSED'), run('PASSED')])).to.equal(
      '4 runs: 2 passed, 1 flaky, 1 failed, the newest one passed',
    );
    expect(titleOfRun(run('FAILED', false, 3.44))).to.equal('Build 7: failed after 3.4 s');
    expect(titleOfRun(run('LOST', false, null))).to.equal('Build 7: lost');
  });
});
