import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { GitProject as PreparedRequest } from '../../../src/protocol/build/project.js';
import { ClusterRunnerError } from '../../../src/protocol/errors.js';
import { MemoryRelay } from '../../support/memory-relay.js';
import { run } from '../../support/processes.js';
import { GitProject } from '../../support/project.js';
import { gitProject, openOn } from '../../support/workspaces.js';

let parent: string;
let project: GitProject;
let head: string;
beforeEach(async () => {
  parent = realpathSync(mkdtempSync(join(tmpdir(), 'git-kinds-')));
  project = await GitProject.create(join(parent, 'project'), { file: 'one\n' });
  head = await project.git('rev-parse', 'HEAD');
});
afterEach(() => rmSync(parent, { recursive: true }));

const open = async (
  url: string,
  more: Partial<PreparedRequest> = {},
  slave = 'slave',
  relay: MemoryRelay | null = null,
) => {
  const workspace = await openOn(join(parent, slave), gitProject(url, more), { relay });
  const { commit, projectDirectory } = workspace;
  const file = readFileSync(join(projectDirectory, 'file'), 'utf8');
  if (relay !== null) {
    await workspace.share(relay);
  }
  await workspace.release();
  return { commit, file };
};
const refusal = (opened: Promise<unknown>): Promise<string> =>
  opened.then(
    () => 'opened',
    (error: unknown) => (error instanceof ClusterRunnerError ? error.message : String(error)),
  );

describe('a requested ref', () => {
  it('may have any form that git takes, any number of times, and follows its repository', async () => {
    await project.git('tag', '--annotate', '--message', 'v1', 'v1');
    await project.git('update-ref', 'refs/pull/1/head', head);
    const forms = ['main', 'heads/main', 'refs/heads/main', 'HEAD', 'pull/1/head', 'refs/pull/1/head'];
    const tags = ['v1', 'tags/v1', 'refs/tags/v1'];
    for (const branch of [...forms, ...tags]) {
      expect((await open(project.url, { branch })).commit, branch).to.equal(head);
    }
    const newer = await project.commit({ file: 'two\n' });
    await project.git('update-ref', 'refs/pull/1/head', newer);
    // A second fetch by a short form must not remove what the first has fetched.
    for (const branch of forms) {
      expect((await open(project.url, { branch })).commit, branch).to.equal(newer);
    }
  });

  it('is the branch where a tag has the same name', async () => {
    await project.git('tag', 'both');
    const newer = await project.commit({ file: 'two\n' });
    await project.git('branch', 'both');
    expect((await open(project.url, { branch: 'both' })).commit).to.equal(newer);
    expect((await open(project.url, { branch: 'tags/both' })).commit).to.equal(head);
  });
});

describe('a requested hash', () => {
  it('may be that of a tag, also of a tag of a tag, and may be shortened', async () => {
    await project.git('tag', '--annotate', '--message', 'v1', 'v1');
    await project.git('tag', '--annotate', '--message', 'v2', 'v2', 'v1');
    await project.commit({ file: 'two\n' });
    const hashes = [head, await project.git('rev-parse', 'v1'), await project.git('rev-parse', 'v2')];
    for (const [place, hash] of hashes
      .flatMap((one) => [one, one.slice(0, 12), one.toUpperCase()])
      .entries()) {
      // The second time the mirror has it already.
      for (const slave of [`new-${place}`, 'used']) {
        expect(await open(project.url, { hash }, slave), hash).to.deep.equal({ commit: head, file: 'one\n' });
      }
    }
  });

  it('of a tree or a file is refused with its kind', async () => {
    for (const [name, kind] of [
      ['HEAD^{tree}', 'tree'],
      ['HEAD:file', 'blob'],
    ]) {
      const hash = await project.git('rev-parse', name ?? '');
      const message = await refusal(open(project.url, { hash }));
      expect(message).to.contain(`${hash} in the git repository ${project.url} is a ${kind}`);
    }
  });
});

describe('a repository of sha256', () => {
  it('is built by branch and by hash, and passed on by the master, also after a sha1 repository at its URL', async () => {
    expect((await open(project.url)).commit).to.equal(head);
    rmSync(project.directory, { recursive: true });
    const made = GitProject.at(project.directory);
    await run('git', ['init', '--quiet', '--initial-branch=main', '--object-format=sha256', made.directory], {
      cwd: parent,
      env: { PATH: process.env.PATH ?? '' },
    });
    const commit = await made.commit({ file: 'long\n' });
    expect(commit).to.have.length(64);
    const expected = { commit, file: 'long\n' };
    expect(await open(made.url)).to.deep.equal(expected);
    expect(await open(made.url, { branch: 'main' })).to.deep.equal(expected);
    expect(await open(made.url, { hash: commit.slice(0, 40) })).to.deep.equal(expected);
    const relay = new MemoryRelay(join(parent, 'relay'));
    expect(await open(made.url, {}, 'first', relay)).to.deep.equal(expected);
    expect(await open(made.url, { hash: commit }, 'second', relay)).to.deep.equal(expected);
    expect(relay.fetched).to.equal(1);
  });
});

describe('an origin that does not have everything', () => {
  const cloned = async (...options: string[]) => {
    await project.git('clone', '--quiet', ...options, project.url, join(parent, 'clone'));
    return GitProject.at(join(parent, 'clone'));
  };

  it('is built as far as its history goes when it is a shallow clone, and whole once it is whole', async () => {
    const newer = await project.commit({ file: 'two\n' });
    const clone = await cloned('--depth=1');
    const expected = { commit: newer, file: 'two\n' };
    for (const more of [{}, { branch: 'main' }, { hash: newer }]) {
      expect(await open(clone.url, more)).to.deep.equal(expected);
      expect(await open(clone.url, more, `new-${JSON.stringify(more).length}`)).to.deep.equal(expected);
    }
    expect(await refusal(open(clone.url, { hash: head }))).to.contain(`has no commit ${head}`);
    await clone.git('checkout', '--quiet', '--detach');
    const detached = await clone.commit({ file: 'detached\n' });
    expect(await open(clone.url)).to.deep.equal({ commit: detached, file: 'detached\n' });
    const relay = new MemoryRelay(join(parent, 'relay'));
    expect(await open(clone.url, {}, 'sharing', relay)).to.deep.equal({
      commit: detached,
      file: 'detached\n',
    });
    // A bundle could not say where the history ends.
    expect(relay.packs.size).to.equal(0);
    await clone.git('fetch', '--quiet', '--unshallow');
    expect(await open(clone.url, { hash: head })).to.deep.equal({ commit: head, file: 'one\n' });
  });

  it('is named as a partial clone when it lacks files', async () => {
    await project.git('config', 'uploadpack.allowFilter', 'true');
    const clone = await cloned('--filter=blob:none', '--no-checkout');
    rmSync(project.directory, { recursive: true });
    expect(await refusal(open(clone.url))).to.match(/is a partial clone that does not have all of its files/);
  });

  it('has no commit at its HEAD when it is empty, whatever branch is asked for', async () => {
    const empty = GitProject.at(join(parent, 'project'));
    rmSync(empty.directory, { recursive: true });
    await run('git', ['init', '--quiet', empty.directory], {
      cwd: parent,
      env: { PATH: process.env.PATH ?? '' },
    });
    expect(await refusal(open(empty.url))).to.contain('has no commit at its HEAD');
    expect(await refusal(open(empty.url, { branch: 'main' }))).to.contain(
      'no branch, tag or other ref named "main"',
    );
  });
});
