import { expect } from 'chai';
import { relativePaths } from '../../../../src/project/git/changed-paths.js';

describe('the paths that git lists', () => {
  it('are relative to the folder of the project, and sorted', () => {
    expect(relativePaths(['app/b\0docs/a\0', 'app/a b\0'], 'app/')).to.deep.equal(['../docs/a', 'a b', 'b']);
    expect(relativePaths(['x/y\0', ''], '')).to.deep.equal(['x/y']);
  });

  it('are refused when any of the outputs is cut, or they are too many', () => {
    const refusal = 'More than 10000 files have changed';
    expect(() => relativePaths(['a\0', '…end of a path\0b\0'], '')).to.throw(refusal);
    expect(() => relativePaths(['a\0'.repeat(9_000), 'b\0'.repeat(1_001)], '')).to.throw(refusal);
    expect(relativePaths(['a\0'.repeat(9_000), 'b\0'.repeat(1_000)], '')).to.have.length(10_000);
  });

  it('are refused when one cannot be a line of a file', () => {
    expect(() => relativePaths(['two\nlines\0'], '')).to.throw('has a line end or is not UTF-8');
    expect(() => relativePaths(['no \ufffd utf-8\0'], '')).to.throw('has a line end or is not UTF-8');
  });
});
