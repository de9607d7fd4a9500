import { expect } from 'chai';
import { failuresOfRuns, flakinessText, keptRun } from '../../../../../src/dashboard/pages/atom/run-facts.js';
import type { AtomRunInBuild } from '../../../../../src/protocol/build/history.js';
import { toId } from '../../../../../src/protocol/ids.js';

const run = (build: number, outcome: AtomRunInBuild['outcome'], retained = true): AtomRunInBuild => ({
  build_id: toId.build(build),
  atom_id: toId.atom(0),
  retained,
  outcome,
  flaky: false,
  seconds: 1,
  at: 1,
});

describe('the facts about the runs of an atom', () => {
  it('say how often it failed', () => {
    expect(failuresOfRuns({ runs: 1200, failures: 3 })).to.equal('failed in 3 of 1,200 runs');
    expect(failuresOfRuns({ runs: 1, failures: 1 })).to.equal('failed in 1 of 1 run');
    expect(failuresOfRuns({ runs: 12, failures: 0 })).to.equal('passed in all 12 runs');
    expect(failuresOfRuns({ runs: 1, failures: 0 })).to.equal('passed in its one run');
  });

  it('say that it is flaky, of the runs with a verdict, only if it is', () => {
    const last = [run(1, 'LOST'), run(2, 'PASSED'), run(3, 'FAILED')];
    expect(flakinessText({ flakiness: 0.5, last })).to.equal('flaky in 50 % of the last 2 runs');
    expect(flakinessText({ flakiness: 0.001, last })).to.equal('flaky in 1 % of the last 2 runs');
    expect(flakinessText({ flakiness: 0, last })).to.equal(null);
  });

  it('lead to a build that still exists', () => {
    const history = { last: [run(1, 'PASSED', false), run(2, 'PASSED')] };
    expect(keptRun(history, toId.build(2))?.build_id).to.equal(2);
    expect(keptRun(history, toId.build(1))).to.equal(null);
    expect(keptRun(history, toId.build(3))).to.equal(null);
  });
});
