import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../../src/lib/clock.js';
import { sendSnapshot } from '../../../../src/project/snapshot/snapshot.js';
import type { Project } from '../../../../src/protocol/build/project.js';
import { MAX_REVISION_TEXT, revisionText } from '../../../../src/protocol/build/revision.js';
import { MemoryRelay } from '../../../support/memory-relay.js';
import { GitProject, writeFiles } from '../../../support/project.js';
import { gitProject, openOn } from '../../../support/workspaces.js';

describe('the revision of a build', () => {
  let parent: string;
  let project: GitProject;
  let head: string;
  beforeEach(async () => {
    parent = realpathSync(mkdtempSync(join(tmpdir(), 'revision-')));
    project = await GitProject.create(join(parent, 'project'), { file: 'one\n' });
    head = await project.git('rev-parse', 'HEAD');
  });
  afterEach(() => rmSync(parent, { recursive: true }));

  const revisionOf = async (of: Project) => {
    const workspace = await openOn(join(parent, 'slave'), of);
    try {
      return await workspace.revision();
    } finally {
      await workspace.release();
    }
  };
  const folder = (directory = project.directory): Project => ({
    type: 'directory',
    project_directory: directory,
  });
  const committed = (branch: string | null) => ({
    commit: head,
    branch,
    subject: 'a change',
    has_changes: false,
  });

  it('has the branch of the HEAD of a repository where only one is at its commit', async () => {
    expect(await revisionOf(gitProject(project.url))).to.deep.equal(committed('main'));
    await project.git('branch', 'other');
    expect(await revisionOf(gitProject(project.url))).to.deep.equal(committed(null));
  });

  it('has the requested ref, and none for a hash', async () => {
    await project.git('tag', 'v1');
    expect(await revisionOf(gitProject(project.url, { branch: 'v1' }))).to.deep.equal(committed('v1'));
    expect(await revisionOf(gitProject(project.url, { hash: head }))).to.deep.equal(committed(null));
  });

  it('has the state of the checkout that a folder is in, whose index it does not write', async () => {
    mkdirSync(join(project.directory, 'sub'));
    expect(await revisionOf(folder(join(project.directory, 'sub')))).to.deep.equal(committed('main'));
    // Git would note the new time of a file that it has compared.
    utimesSync(join(project.directory, 'file'), 1, 1);
    const before = statSync(join(project.directory, '.git/index')).mtimeMs;
    writeFiles(project.directory, { new: '' });
    expect(await revisionOf(folder())).to.deep.equal({ ...committed('main'), has_changes: true });
    expect(statSync(join(project.directory, '.git/index')).mtimeMs).to.equal(before);
    await project.git('checkout', '--quiet', '--detach');
    expect(await revisionOf(folder())).to.deep.equal({ ...committed(null), has_changes: true });
  });

  it('is unknown for a folder outside of a checkout, or in one without a commit', async () => {
    const other = join(parent, 'other');
    mkdirSync(other);
    expect(await revisionOf(folder(other))).to.equal(null);
    await GitProject.at(other).git('init', '--quiet');
    expect(await revisionOf(folder(other))).to.equal(null);
  });

  it('is the commit that a snapshot is based on', async () => {
    const snapshot = async () => {
      const { revision } = await sendSnapshot({
        directory: project.directory,
        excluded: [],
        env: { PATH: process.env.PATH ?? '', HOME: parent },
        relay: new MemoryRelay(join(parent, `relay-${Math.random()}`)),
        signal: new AbortController().signal,
        clock: systemClock,
      });
      return revision;
    };
    expect(await snapshot()).to.deep.equal(committed('main'));
    writeFiles(project.directory, { file: 'two\n' });
    expect(await snapshot()).to.deep.equal({ ...committed('main'), has_changes: true });
  });

  it('cuts texts at whole characters', () => {
    expect(revisionText(' \n')).to.equal(null);
    const long = revisionText('😀'.repeat(MAX_REVISION_TEXT));
    expect(long).to.equal('😀'.repeat(MAX_REVISION_TEXT / 2));
  });
});
