import { expect } from 'chai';
import { nothingKnown } from '../../../../src/cli/build/outcome.js';
import { leavingSentence } from '../../../../src/cli/build/verdict.js';
import { toId } from '../../../../src/protocol/ids.js';
import { runningBuild } from '../../../support/running-build.js';

describe('leaving at a second interrupt', () => {
  const known = { ...nothingKnown(), id: toId.build(7) };
  const ended = { ...known, build: runningBuild };

  it('says nothing when there is no build yet, or its results are there', () => {
    expect(leavingSentence(nothingKnown())).to.equal(null);
    expect(leavingSentence({ ...ended, results: '/p/build_results' })).to.equal(null);
  });

  it('says what is not fetched of a build that has ended, and of one that ends with the command', () => {
    expect(leavingSentence(ended)).to.equal('Build 7 has ended; its results were not fetched.');
    expect(leavingSentence(known)).to.equal('Build 7 is canceled; its results were not fetched.');
  });
});
