import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../../src/lib/clock.js';
import { countUnremovable, retryUnremovable } from '../../../../src/lib/fs/set-aside.js';
import { isDirectoryInUse } from '../../../../src/process/containment/directory-in-use.js';
import type { Workspace } from '../../../../src/project/workspace/open-workspace.js';
import { sweepWorkspaces } from '../../../../src/project/workspace/sweep-workspaces.js';
import { makeImmutable, makeMutable } from '../../../support/immutable.js';
import { run } from '../../../support/processes.js';
import { GitProject, writeFiles } from '../../../support/project.js';
import { makeDeepFolder } from '../../../support/random-tree.js';
import { until } from '../../../support/until.js';
import { gitProject, openOn } from '../../../support/workspaces.js';

let parent: string;
let root: string;
let project: GitProject;
let builds = 0;
let said: string[];

function open(workspacesKept = 2): Promise<Workspace> {
  builds += 1;
  const env = { PATH: process.env.PATH ?? '', HOME: parent };
  return openOn(root, gitProject(project.url), {
    build: builds,
    workspacesKept,
    env,
    warn: (message) => said.push(message),
  });
}

/** By its inode: a file that was not written again. */
const inode = ({ projectDirectory }: Workspace, name: string) => statSync(join(projectDirectory, name)).ino;
const idle = () => (existsSync(join(root, 'idle')) ? readdirSync(join(root, 'idle')) : []);

const indexes = (folder: string) => readdirSync(folder).map((name) => join(folder, name));

/** The state of the workspace in git, and all files in it. */
async function look({ projectDirectory }: Workspace) {
  const git = async (...args: string[]) =>
    (await run('git', args, { cwd: projectDirectory, env: { PATH: process.env.PATH ?? '', HOME: parent } }))
      .stdout;
  return {
    files: readdirSync(projectDirectory, { recursive: true, encoding: 'utf8' })
      .filter((name) => !/^\.git(\/|$)/.test(name))
      .sort()
      .map((name) => {
        const path = join(projectDirectory, name);
        return [name, statSync(path).mode, statSync(path).isFile() ? readFileSync(path, 'utf8') : ''];
      }),
    refs: await git('for-each-ref'),
    config: await git('config', '--local', '--list'),
    head: await git('rev-parse', 'HEAD'),
    stash: await git('stash', 'list'),
  };
}

/** The path of a file of a workspace. */
type At = (name: string) => string;

function access(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8' });
}

describe('a workspace that was used before', () => {
  before(async function () {
    // Elsewhere the system does not say whether a process is in it, and none is used again.
    if ((await isDirectoryInUse(tmpdir())) === null) {
      this.skip();
    }
  });
  beforeEach(async () => {
    parent = realpathSync(mkdtempSync(join(tmpdir(), 'idle-')));
    root = join(parent, 'root');
    said = [];
    project = await GitProject.create(join(parent, 'origin'), {
      a: 'a\n',
      b: 'b\n',
      'dir/c': 'c\n',
      tool: '#!/bin/sh\n',
      '.gitignore': 'ignored\n',
    });
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  it('is reused for the next commit, of which only the differences are written', async () => {
    const first = await open();
    const before = [inode(first, 'a'), inode(first, 'dir/c')];
    await first.release();
    await first.release();
    expect(idle()).to.have.length(1);
    const commit = await project.commit({ b: 'changed\n' });
    const second = await open();
    expect([inode(second, 'a'), inode(second, 'dir/c')]).to.deep.equal(before);
    expect(readFileSync(join(second.projectDirectory, 'b'), 'utf8')).to.equal('changed\n');
    expect(second.commit).to.equal(commit);
    expect(idle()).to.deep.equal([]);
  });

  it('is as clean as a new one, whatever the build before did to it', async () => {
    const first = await open();
    const fresh = await look(first);
    const folder = first.projectDirectory;
    const { mtime } = statSync(join(folder, 'a'));
    // As long as before and with its old time: git must not take it for what it was.
    writeFileSync(join(folder, 'a'), 'x\n');
    utimesSync(join(folder, 'a'), mtime, mtime);
    chmodSync(join(folder, 'tool'), 0o600);
    rmSync(join(folder, 'b'));
    symlinkSync('/etc/hostname', join(folder, 'b'));
    renameSync(join(folder, 'dir'), join(parent, 'outside'));
    symlinkSync(join(parent, 'outside'), join(folder, 'dir'));
    writeFileSync(join(folder, 'dir', 'c'), 'y\n');
    writeFiles(folder, { ignored: '', new: '', 'deep/new': '', 'nested/file': '' });
    const git = (...args: string[]) =>
      run('git', args, { cwd: folder, env: { PATH: process.env.PATH ?? '', HOME: parent } });
    await git('init', '--quiet', 'nested');
    await git('config', 'core.fsmonitor', join(folder, 'evil'));
    await git('config', 'filter.x.smudge', 'echo evil');
    await git('update-index', '--assume-unchanged', 'a');
    await git('tag', 'left');
    writeFiles(folder, {
      '.git/info/exclude': '*\n',
      '.git/info/attributes': '* filter=x\n',
      '.git/hooks/post-checkout': '#!/bin/sh\ntouch evil\n',
    });
    await first.release();
    expect(idle()).to.have.length(1);
    const second = await open();
    expect(await look(second)).to.deep.equal(fresh);
    expect(readFileSync(join(parent, 'outside', 'c'), 'utf8')).to.equal('y\n');
  });

  for (const [name, mode] of [
    ['a', 0o444],
    ['b', 0o666],
    ['tool', 0o4755],
    ['dir', 0o700],
    ['.', 0o711],
  ] as const) {
    it(`does not pass on the permissions ${mode.toString(8)} of ${name}`, async () => {
      const first = await open();
      const look = ({ projectDirectory }: Workspace) => statSync(join(projectDirectory, name)).mode;
      const fresh = look(first);
      chmodSync(join(first.projectDirectory, name), mode);
      expect(look(first)).to.not.equal(fresh);
      await first.release();
      expect(idle()).to.have.length(1);
      expect(look(await open())).to.equal(fresh);
    });
  }

  for (const [what, spoil, look] of [
    ['a hard link', (at) => linkSync(at('a'), at('../elsewhere')), (at) => lstatSync(at('a')).nlink],
    [
      'a second name of a link',
      (at) => linkSync(at('l'), at('../elsewhere')),
      (at) => lstatSync(at('l')).nlink,
    ],
    ['another owner', (at) => chownSync(at('dir'), 1234, 1234), (at) => statSync(at('dir')).uid],
    [
      'a repository among its files',
      (at) => writeFiles(at('dir'), { '.git/config': '' }),
      (at) => readdirSync(at('dir')),
    ],
    [
      'a repository elsewhere',
      (at) => writeFiles(at('dir'), { '.git': 'gitdir: /x\n' }),
      (at) => readdirSync(at('dir')),
    ],
    [
      'who may read a file',
      (at) => access('setfacl', '-m', 'u:1234:r', at('a')),
      (at) => access('ls', '-l', at('a')).slice(0, 11),
    ],
    [
      'who may read what is made in a folder',
      (at) => access('setfacl', '-d', '-m', 'u:1234:r', at('dir')),
      (at) => access('ls', '-ld', at('dir')).slice(0, 11),
    ],
  ] satisfies [string, (at: At) => unknown, (at: At) => unknown][]) {
    it(`does not pass on ${what}`, async function () {
      symlinkSync('a', join(project.directory, 'l'));
      await project.commit({});
      const first = await open();
      const at: At = (name) => join(first.projectDirectory, name);
      const fresh = look(at);
      try {
        spoil(at);
      } catch (error) {
        if (
          error instanceof Error &&
          'code' in error &&
          (error.code === 'EPERM' || error.code === 'ENOENT')
        ) {
          // Not root, or no program `setfacl` here.
          this.skip();
        }
        throw error;
      }
      expect(look(at)).to.not.deep.equal(fresh);
      await first.release();
      expect(idle()).to.have.length(1);
      const second = await open();
      expect(look((name) => join(second.projectDirectory, name))).to.deep.equal(fresh);
    });
  }

  for (const setting of ['trustctime = false', 'checkStat = minimal']) {
    it(`is clean also when the user of the slave has set core.${setting}`, async () => {
      writeFileSync(join(parent, '.gitconfig'), `[core]\n${setting}\n`);
      const first = await open();
      const a = join(first.projectDirectory, 'a');
      const { mtime, ctimeMs } = statSync(a);
      const second = Math.floor(ctimeMs / 1000) + 1;
      // As if the checkout had gone on for a while after this file: git then believes its times.
      for (const index of indexes(`${first.projectDirectory}.indexes`)) {
        utimesSync(index, second, second);
      }
      await until(() => Date.now() >= (second + 0.1) * 1000);
      writeFileSync(a, 'x\n');
      utimesSync(a, mtime, mtime);
      await first.release();
      expect(readFileSync(join((await open()).projectDirectory, 'a'), 'utf8')).to.equal('a\n');
    });
  }

  it('is not kept when the build has replaced it by a link', async () => {
    const other = join(parent, 'other');
    writeFiles(other, { precious: '' });
    const first = await open();
    rmSync(first.projectDirectory, { recursive: true });
    symlinkSync(other, first.projectDirectory);
    await first.release();
    expect(idle()).to.deep.equal([]);
    expect(readdirSync(join(root, 'builds'))).to.deep.equal([]);
    expect(readdirSync(other)).to.deep.equal(['precious']);
  });

  it('does not fail a build when it can be neither kept nor reused', async () => {
    mkdirSync(root);
    writeFileSync(join(root, 'idle'), 'no folder');
    const first = await open();
    await first.release();
    expect(said).to.have.length(1);
    expect(said[0]).to.contain('is not kept for later ones');
    expect(readdirSync(join(root, 'builds'))).to.deep.equal([]);
  });

  it('may be one that nobody may write to, which only root can keep', async () => {
    const first = await open();
    const modes = ({ projectDirectory }: Workspace) => statSync(projectDirectory).mode;
    const fresh = modes(first);
    chmodSync(first.projectDirectory, 0o555);
    await first.release();
    expect(readdirSync(join(root, 'builds'))).to.deep.equal([]);
    expect(modes(await open())).to.equal(fresh);
  });

  it('is not reused when a link is in its place', async () => {
    const other = join(parent, 'other');
    writeFiles(other, { precious: '' });
    await (await open()).release();
    const tree = join(root, 'idle', idle()[0] ?? '', 'tree');
    rmSync(tree, { recursive: true });
    symlinkSync(other, tree);
    const second = await open();
    expect(readFileSync(join(second.projectDirectory, 'a'), 'utf8')).to.equal('a\n');
    expect(readdirSync(other)).to.deep.equal(['precious']);
    expect(idle()).to.deep.equal([]);
  });

  it('is not reused while a process is in it', async () => {
    const first = await open();
    await first.release();
    const [name = ''] = idle();
    const child = spawn('sleep', ['600'], { cwd: join(root, 'idle', name, 'tree'), stdio: 'ignore' });
    await once(child, 'spawn');
    const second = await open();
    child.kill();
    expect(inode(second, 'a')).to.be.a('number');
    expect(await isDirectoryInUse(second.projectDirectory)).to.equal(false);
    expect(idle()).to.deep.equal([]);
  });

  it('is reused by one build at a time', async () => {
    await (await open()).release();
    const both = await Promise.all([open(), open()]);
    expect(new Set(both.map((one) => inode(one, 'a'))).size).to.equal(2);
    await Promise.all(both.map((one) => one.release()));
    expect(idle()).to.have.length(2);
  });

  it('is removed, the oldest first, when there are too many, and always when none is to be kept', async () => {
    const opened = [await open(), await open(), await open()];
    for (const one of opened) {
      await one.release();
    }
    expect(idle()).to.have.length(2);
    const [, newest] = readdirSync(join(root, 'idle'));
    utimesSync(join(root, 'idle', newest ?? ''), 1, 1);
    await sweepWorkspaces(root, systemClock, 2, expect.fail);
    expect(idle()).to.have.length(1).and.not.include(newest);
    await sweepWorkspaces(root, systemClock, 0, expect.fail);
    expect(idle()).to.deep.equal([]);
    await (await open(0)).release();
    expect([idle(), readdirSync(join(root, 'builds'))]).to.deep.equal([[], []]);
  });

  it('is replaced by a new one when it is damaged', async () => {
    const first = await open();
    const { files } = await look(first);
    await first.release();
    const [name = ''] = idle();
    for (const index of indexes(join(root, 'idle', name, 'indexes'))) {
      writeFileSync(index, 'rubbish');
    }
    const second = await open();
    expect((await look(second)).files).to.deep.equal(files);
    expect(readdirSync(join(root, 'builds')).sort()).to.deep.equal([`${builds}`, `${builds}.indexes`]);
  });

  it('with a submodule that .gitmodules does not name is not reused', async () => {
    const commit = await project.git('rev-parse', 'HEAD');
    await project.git('update-index', '--add', '--cacheinfo', `160000,${commit},hidden`);
    await project.git('commit', '--quiet', '--message', 'a submodule that nothing names');
    const first = await open();
    writeFiles(first.projectDirectory, { 'hidden/left': '' });
    await first.release();
    expect(readdirSync(join((await open()).projectDirectory, 'hidden'))).to.deep.equal([]);
  });

  it('is like a new one after a build has left a folder that is deeper than any path', async () => {
    const first = await open();
    const { files } = await look(first);
    makeDeepFolder(join(first.projectDirectory, 'deep'), 60);
    makeDeepFolder(join(first.projectDirectory, 'ignored'), 60);
    await first.release();
    for (const _ of [1, 2]) {
      const next = await open();
      expect((await look(next)).files).to.deep.equal(files);
      await next.release();
    }
    expect(said).to.deep.equal([]);
  });

  it('is removed when it cannot be cleaned; the rest is set aside with one warning', async function () {
    const first = await open();
    const { files } = await look(first);
    mkdirSync(join(first.projectDirectory, 'ignored'));
    writeFileSync(join(first.projectDirectory, 'ignored/stays'), '');
    if (!makeImmutable(join(first.projectDirectory, 'ignored/stays'))) {
      this.skip();
    }
    try {
      await first.release();
      for (const _ of [1, 2]) {
        const next = await open();
        expect((await look(next)).files).to.deep.equal(files);
        await next.release();
      }
      expect(said).to.have.length(1);
      expect(said[0]).to.match(
        /ignored\/stays cannot be removed \(EPERM\); what is left of .* is in .*unremovable/,
      );
      await sweepWorkspaces(root, systemClock, 0, expect.fail);
      expect(countUnremovable(root)).to.equal(1);
    } finally {
      makeMutable(root);
    }
    await retryUnremovable(root, Math.random);
    expect(countUnremovable(root)).to.equal(0);
  });
});
