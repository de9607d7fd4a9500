import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../../src/lib/clock.js';
import { sendSnapshot } from '../../../../src/project/snapshot/snapshot.js';
import { MemoryRelay } from '../../../support/memory-relay.js';
import { run } from '../../../support/processes.js';
import { GitProject, writeFiles } from '../../../support/project.js';
import { openOn } from '../../../support/workspaces.js';

describe('a snapshot', () => {
  let parent: string;
  let project: GitProject;
  let relay: MemoryRelay;
  let builds: number;
  beforeEach(async () => {
    parent = realpathSync(mkdtempSync(join(tmpdir(), 'snapshot-')));
    project = await GitProject.create(join(parent, 'project'), { a: 'a\n', b: 'b\n', c: 'c\n' });
    relay = new MemoryRelay(join(parent, 'relay'));
    builds = 0;
  });
  afterEach(() => rmSync(parent, { recursive: true }));

  const send = (directory = project.directory) =>
    sendSnapshot({
      directory,
      excluded: [],
      env: { PATH: process.env.PATH ?? '', HOME: parent },
      relay,
      signal: new AbortController().signal,
      clock: systemClock,
    });
  /** Paths, quoted as git does it, and contents, as a slave has them. */
  const built = async (directory?: string) => {
    const sent = await send(directory);
    builds += 1;
    const workspace = await openOn(join(parent, 'slave'), sent.project, { relay, build: builds });
    const shell = "git ls-files; git ls-files | grep -v '\"' | xargs cat; git status --porcelain --ignored";
    const { stdout } = await run('sh', ['-c', shell], {
      cwd: workspace.projectDirectory,
      env: { PATH: process.env.PATH ?? '' },
    });
    await workspace.release();
    return { files: stdout, notes: sent.notes, hasChanges: sent.hasChanges };
  };

  it('has files with index flags as they are, and those outside of a sparse checkout as committed', async () => {
    await project.git('update-index', '--assume-unchanged', 'a');
    await project.git('update-index', '--skip-worktree', 'b', 'c');
    writeFiles(project.directory, { a: 'A\n', b: 'B\n' });
    rmSync(join(project.directory, 'c'));
    const index = await project.git('ls-files', '-v');
    expect(await built()).to.deep.equal({ files: 'a\nb\nc\nA\nB\nc\n', notes: [], hasChanges: true });
    expect(await project.git('ls-files', '-v')).to.equal(index);
  });

  it('has the files outside of a sparse checkout, also with a sparse index', async () => {
    await project.commit({ 'in/x': 'x\n', 'out/y': 'y\n', 'out/z': 'z\n' });
    await project.git('sparse-checkout', 'set', '--cone', '--sparse-index', 'in');
    expect(existsSync(join(project.directory, 'out'))).to.equal(false);
    const all = 'a\nb\nc\nin/x\nout/y\nout/z\n';
    expect(await built()).to.deep.equal({ files: `${all}a\nb\nc\nx\ny\nz\n`, notes: [], hasChanges: false });
    writeFiles(project.directory, { 'in/x': 'X\n', 'out/y': 'Y\n' });
    expect(await built()).to.deep.equal({ files: `${all}a\nb\nc\nX\nY\nz\n`, notes: [], hasChanges: true });
  });

  it('leaves out repositories in the working tree and names them, with a commit or without, whatever their names', async () => {
    for (const name of ['with', 'without', 'deep/er/"quoted"', 'line\nbreak']) {
      mkdirSync(join(project.directory, name), { recursive: true });
      await GitProject.at(join(project.directory, name)).git('init', '--quiet');
    }
    await GitProject.at(join(project.directory, 'with')).commit({ x: '' });
    writeFiles(project.directory, { 'deep/other': 'o\n' });
    const { files, notes } = await built();
    expect(files).to.equal('a\nb\nc\ndeep/other\na\nb\nc\no\n');
    expect(notes).to.have.members(
      ['with', 'without', 'deep/er/"quoted"', '"line\\nbreak"'].map(
        (name) => `${name} is a repository of its own, and is left out.`,
      ),
    );
  });

  it('has files that were added with intent-to-add, and those with conflicts as they are, with a note', async () => {
    writeFiles(project.directory, { new: 'n\n' });
    await project.git('add', '--intent-to-add', 'new');
    await project.git('checkout', '--quiet', '-b', 'other');
    await project.git('rm', '--quiet', '--cached', 'new');
    rmSync(join(project.directory, 'new'));
    await project.commit({ a: 'theirs\n' });
    await project.git('checkout', '--quiet', 'main');
    await project.commit({ a: 'ours\n' });
    const merging = await project.git('merge', 'other').catch((error: unknown) => String(error));
    expect(merging).to.contain('failed');
    writeFiles(project.directory, { new: 'n\n' });
    await project.git('add', '--intent-to-add', 'new');
    const { files, notes } = await built();
    expect(files).to.match(/^a\nb\nc\nnew\n<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> other\nb\nc\nn\n$/);
    expect(notes).to.deep.equal(['a has conflicts that are not resolved; it is taken as the file stands.']);
  });

  it('has files whose names are not UTF-8 or contain line ends or quotes, also in a reused checkout', async () => {
    for (const name of ['caf\xe9', 'line\nbreak', 'quo"te', ' blank ', ':(top)magic', '-n']) {
      writeFileSync(Buffer.from(`${project.directory}/${name}`, 'latin1'), name);
    }
    const names = ' blank \n"caf\\351"\n"line\\nbreak"\n"quo\\"te"\n-n\n:(top)magic\na\nb\nc\n';
    const { files } = await built();
    expect(files.startsWith(' blank \n')).to.equal(true);
    expect(files.split('\n').slice(0, 9).sort()).to.deep.equal(names.trimEnd().split('\n').sort());
    writeFiles(project.directory, { a: 'changed\n' });
    expect((await built()).files.split('\n').slice(0, 9).sort()).to.deep.equal(
      names.trimEnd().split('\n').sort(),
    );
  });

  it('can be made of a linked worktree, and of a sha256 repository whose name contains a line end', async () => {
    await project.git('worktree', 'add', '--quiet', join(parent, 'linked'));
    writeFiles(join(parent, 'linked'), { a: 'linked\n' });
    expect((await built(join(parent, 'linked'))).files).to.equal('a\nb\nc\nlinked\nb\nc\n');
    const long = GitProject.at(join(parent, 'line\n"break"'));
    mkdirSync(long.directory);
    await long.git('init', '--quiet', '--object-format=sha256');
    await long.commit({ a: 'one\n' });
    writeFiles(long.directory, { a: 'two\n' });
    expect((await built(long.directory)).files).to.equal('a\ntwo\n');
  });
});
