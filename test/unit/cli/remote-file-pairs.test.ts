import { expect } from 'chai';
import { joinRemoteFilePairs, readRemoteFilePair } from '../../../src/cli/remote-file-pairs.js';

describe('-f NAME URL', () => {
  it('is joined into one word, so that the type of the build may follow it', () => {
    const joined = joinRemoteFilePairs([
      'build',
      '-f',
      'a',
      'http://h/a',
      '--remote-file',
      'b',
      'http://h/b',
      'git',
    ]);
    expect(joined).to.deep.equal([
      'build',
      '-f',
      '["a","http://h/a"]',
      '--remote-file',
      '["b","http://h/b"]',
      'git',
    ]);
    expect(readRemoteFilePair(joined[2] ?? '')).to.deep.equal({ name: 'a', url: 'http://h/a' });
  });

  it('is distinguished from an incomplete pair', () => {
    const joined = joinRemoteFilePairs(['build', '-f', 'a']);
    expect(readRemoteFilePair(joined[2] ?? '')).to.equal(null);
  });

  it('is not joined after --', () => {
    expect(joinRemoteFilePairs(['build', '--', '-f', 'a', 'b'])).to.deep.equal([
      'build',
      '--',
      '-f',
      'a',
      'b',
    ]);
  });
});
