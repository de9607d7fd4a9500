import { expect } from 'chai';
import { insideFolder, validateGitArgs } from '../../../../src/project/git/validate-git-args.js';
import type { GitProject } from '../../../../src/protocol/build/project.js';

function accepts(more: Partial<GitProject>): boolean {
  const project: GitProject = {
    type: 'git',
    url: 'https://h/r.git',
    remote: 'origin',
    branch: null,
    hash: null,
    project_directory: null,
    ...more,
  };
  try {
    validateGitArgs(project);
    return true;
  } catch {
    return false;
  }
}

describe('validateGitArgs', () => {
  it('accepts URLs that name the same repository on every slave, and no others', () => {
    for (const url of [
      'https://h/r',
      'ssh://git@h/r',
      'git@h:o/r.git',
      'file:///r',
      '/srv/r.git',
      'git://h/r',
    ]) {
      expect(accepts({ url }), url).to.equal(true);
    }
    for (const url of [
      'ext::sh -c id',
      'fd::17',
      '--upload-pack=id',
      'ftp://h/r',
      'r.git',
      '../r',
      'https://h/\nr',
    ]) {
      expect(accepts({ url }), url).to.equal(false);
    }
  });

  it('accepts names of one ref, and no others', () => {
    for (const branch of ['main', 'feature/a-b', 'refs/pull/5/head', 'v1.0', 'ümlaut']) {
      expect(accepts({ branch }), branch).to.equal(true);
    }
    for (const branch of ['-f', 'a:b', 'a..b', 'a b', '*', '@{-1}', 'a^', '', '/a', '+a', 'a.lock']) {
      expect(accepts({ branch }), branch).to.equal(false);
    }
  });

  it('accepts only hexadecimal hashes', () => {
    expect(accepts({ hash: '0123abcDEF' })).to.equal(true);
    expect(accepts({ hash: 'HEAD' })).to.equal(false);
    expect(accepts({ hash: '--all' })).to.equal(false);
  });

  it('accepts only plain names of remotes', () => {
    expect(accepts({ remote: 'upstream' })).to.equal(true);
    expect(accepts({ remote: '--config=x' })).to.equal(false);
    expect(accepts({ remote: 'a/../b' })).to.equal(false);
  });

  it('accepts only folders inside the repository', () => {
    expect(['', '.', './', 'a/', './a//b'].map(insideFolder)).to.deep.equal(['.', '.', '.', 'a', 'a/b']);
    expect(['/', '/a', '..', 'a/..', 'a/../..'].map(insideFolder)).to.deep.equal([
      null,
      null,
      null,
      null,
      null,
    ]);
  });
});
