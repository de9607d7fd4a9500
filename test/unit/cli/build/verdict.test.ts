import { expect } from 'chai';
import { emptyOutcome } from '../../../../src/cli/build/outcome.js';
import { leavingMessage } from '../../../../src/cli/build/verdict.js';
import { toId } from '../../../../src/protocol/ids.js';
import { runningBuild } from '../../../support/running-build.js';

describe('leaving at a second interrupt', () => {
  const known = { ...emptyOutcome(), id: toId.build(7) };
  const ended = { ...known, build: runningBuild };

  it('has no message when there is no build yet, or its results are fetched', () => {
    expect(leavingMessage(emptyOutcome())).to.equal(null);
    expect(leavingMessage({ ...ended, results: '/p/build_results' })).to.equal(null);
  });

  it('says that results of an ended build were not fetched, and of one that ends with the command', () => {
    expect(leavingMessage(ended)).to.equal('Build 7 has ended; its results were not fetched.');
    expect(leavingMessage(known)).to.equal('Build 7 is canceled; its results were not fetched.');
  });
});
