import { expect } from 'chai';
import fc from 'fast-check';
import { normalizeRemoteFiles } from '../../../src/job/normalize-remote-files.js';
import { ClusterRunnerError } from '../../../src/protocol/errors.js';

const segment = fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/);
const name = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const uri = fc
  .tuple(fc.constantFrom('http', 'HTTPS', 'https'), name)
  .map(([s, path]) => `${s}://host/${path}`);

function refusal(record: Record<string, string>): string {
  try {
    normalizeRemoteFiles(record);
  } catch (error) {
    if (error instanceof ClusterRunnerError && error.code === 'INVALID_REQUEST') {
      return error.message;
    }
    throw error;
  }
  throw new Error(`${JSON.stringify(record)} was accepted`);
}

describe('remote files of a request', () => {
  it('are the same whichever side is the URI', () => {
    fc.assert(
      fc.property(uri, name, (u, n) => {
        const expected = [{ uri: u, name: n }];
        expect(normalizeRemoteFiles({ [u]: n })).to.deep.equal(expected);
        expect(normalizeRemoteFiles({ [n]: u })).to.deep.equal(expected);
      }),
    );
  });

  it('need exactly one side that is an absolute http(s) URI', () => {
    expect(refusal({ 'http://a/b': 'http://c/d' })).to.include('both sides are');
    for (const neither of ['a', 'ftp://h/a', 'http:a', 'http://', 'file:///etc/passwd']) {
      expect(refusal({ [neither]: 'b' })).to.include('neither side is');
    }
  });

  it('may not leave the workspace', () => {
    for (const bad of ['../a', 'a/../b', '/etc/passwd', '..', '.', '', 'a/', 'a\0b']) {
      expect(refusal({ 'http://h/a': bad })).to.include('stay in the workspace');
    }
  });

  it('have distinct normalized names', () => {
    expect(refusal({ 'http://h/a': 'x/y', 'http://h/b': './x//y' })).to.include('x/y');
  });

  it('are refused without showing credentials', () => {
    expect(refusal({ 'http://me:secret@h/a?token=secret': '../a' })).not.to.include('secret');
  });
});
