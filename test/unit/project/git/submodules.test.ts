import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { isDirectoryInUse } from '../../../../src/process/containment/directory-in-use.js';
import type { Workspace } from '../../../../src/project/workspace/open-workspace.js';
import { GitServer } from '../../../support/git-server.js';
import { MemoryRelay } from '../../../support/memory-relay.js';
import { GitProject, writeFiles } from '../../../support/project.js';
import { gitProject, openOn } from '../../../support/workspaces.js';

/** `project` has the submodule `vendor/lib`, which has the submodule `deep`. */
let parent: string;
let host: GitServer;
let deep: GitProject;
let lib: GitProject;
let project: GitProject;
let builds = 0;

const at = (name: string) => `${host.url}/${name}/.git`;
const open = (slave = 'slave', more: Parameters<typeof openOn>[2] = {}) => {
  builds += 1;
  return openOn(join(parent, slave), gitProject(at('project')), { build: builds, ...more });
};

/** Commits `to` as the submodule at `path`. */
async function setSubmodule(of: GitProject, path: string, to: GitProject, name: string): Promise<void> {
  const commit = await to.git('rev-parse', 'HEAD');
  // Otherwise the next commit would be without it.
  mkdirSync(join(of.directory, path), { recursive: true });
  await of.git('config', '--file', '.gitmodules', `submodule.${path}.path`, path);
  await of.git('config', '--file', '.gitmodules', `submodule.${path}.url`, `../../${name}/.git`);
  await of.git('add', '.gitmodules');
  await of.git('update-index', '--add', '--cacheinfo', `160000,${commit},${path}`);
  await of.git('commit', '--quiet', '--message', `${path} is ${name}`);
}

/** Names and contents of all files, but for what is git's. */
function filesOf({ projectDirectory }: Workspace): Record<string, string> {
  const names = readdirSync(projectDirectory, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => !/(^|\/)\.git(modules|\/|$)/.test(name)).sort();
  return Object.fromEntries(
    files.map((name) => {
      const path = join(projectDirectory, name);
      return [name, statSync(path).isFile() ? readFileSync(path, 'utf8') : '/'];
    }),
  );
}

const FILES = {
  file: 'one\n',
  vendor: '/',
  'vendor/lib': '/',
  'vendor/lib/deep': '/',
  'vendor/lib/deep/d': 'd\n',
  'vendor/lib/l': 'l\n',
};

/** Made once, since git is slow, and copied for each test. */
let template: string;

before(async () => {
  template = realpathSync(mkdtempSync(join(tmpdir(), 'submodules-')));
  const [d, l, p] = [
    await GitProject.create(join(template, 'deep'), { d: 'd\n' }),
    await GitProject.create(join(template, 'lib'), { l: 'l\n' }),
    await GitProject.create(join(template, 'project'), { file: 'one\n' }),
  ];
  await setSubmodule(l, 'deep', d, 'deep');
  await setSubmodule(p, 'vendor/lib', l, 'lib');
});
after(() => rmSync(template, { recursive: true }));

beforeEach(async () => {
  parent = realpathSync(mkdtempSync(join(tmpdir(), 'submodules-')));
  const hosted = join(parent, 'hosted');
  cpSync(template, hosted, { recursive: true });
  deep = GitProject.at(join(hosted, 'deep'));
  lib = GitProject.at(join(hosted, 'lib'));
  project = GitProject.at(join(hosted, 'project'));
  host = await GitServer.start(hosted);
});
afterEach(async () => {
  await host.close();
  rmSync(parent, { recursive: true });
});

describe('submodules', () => {
  it('are checked out, also those of submodules, each with its own remote', async () => {
    const opened = await open();
    expect(filesOf(opened)).to.deep.equal(FILES);
    const config = readFileSync(join(opened.projectDirectory, 'vendor/lib/deep/.git/config'), 'utf8');
    expect(config).to.contain(at('deep'));
  });

  it('are resolved against the URL of the project, whatever its remote is called', async () => {
    const project = gitProject(at('project'), { remote: 'upstream' });
    expect(filesOf(await openOn(join(parent, 'slave'), project))).to.deep.equal(FILES);
  });

  it('are not fetched again by a slave that has the commit', async () => {
    await open();
    await project.commit({ file: 'two\n' });
    rmSync(lib.directory, { recursive: true });
    rmSync(deep.directory, { recursive: true });
    expect(filesOf(await open())).to.deep.equal({ ...FILES, file: 'two\n' });
  });

  it('are passed on with the project, so that their origins are contacted once', async () => {
    const relay = new MemoryRelay(join(parent, 'relay'));
    const first = await open('first', { relay });
    const hash = first.commit;
    await first.share(relay);
    host.forget();
    const warnings: string[] = [];
    const second = await openOn(join(parent, 'second'), gitProject(at('project'), { hash }), {
      relay,
      warn: (message) => warnings.push(message),
    });
    expect(filesOf(second)).to.deep.equal(FILES);
    expect({ requests: host.requests, warnings }).to.deep.equal({ requests: 0, warnings: [] });
  });

  it('may be at a commit that no branch contains', async () => {
    const commit = await lib.commit({ l: 'lost\n' });
    await setSubmodule(project, 'vendor/lib', lib, 'lib');
    await lib.git('update-ref', 'refs/changes/1', commit);
    await lib.git('reset', '--quiet', '--hard', 'HEAD~1');
    expect(filesOf(await open())).to.deep.equal({ ...FILES, 'vendor/lib/l': 'lost\n' });
  });

  it('are fetched again when their mirror is damaged, and other mirrors stay', async () => {
    await open();
    const mirrors = join(parent, 'slave', 'mirrors');
    const [spoiled = ''] = readdirSync(mirrors).filter((name) => {
      const heads = readFileSync(join(mirrors, name, 'packed-refs'), { encoding: 'utf8', flag: 'a+' });
      return heads === '' && existsSync(join(mirrors, name, 'objects'));
    });
    const times = readdirSync(mirrors).map((name) => statSync(join(mirrors, name)).birthtimeMs);
    expect(times).to.have.length(3);
    rmSync(join(mirrors, spoiled, 'objects'), { recursive: true });
    writeFileSync(join(mirrors, spoiled, 'objects'), 'rubbish\n');
    expect(filesOf(await open())).to.deep.equal(FILES);
    const kept = readdirSync(mirrors).filter((name) =>
      times.includes(statSync(join(mirrors, name)).birthtimeMs),
    );
    expect(kept).to.have.length(2);
  });

  for (const update of ['merge', 'rebase', 'checkout']) {
    it(`are at their commit with update = ${update}`, async () => {
      await project.git('config', '--file', '.gitmodules', 'submodule.vendor/lib.update', update);
      await project.git('config', '--file', '.gitmodules', 'submodule.vendor/lib.shallow', 'true');
      await project.git('config', '--file', '.gitmodules', 'submodule.vendor/lib.ignore', 'all');
      await project.git('commit', '--quiet', '--all', '--message', update);
      expect(filesOf(await open())).to.deep.equal(FILES);
    });
  }

  it('with update = none are not fetched, and may not be there at all', async () => {
    await project.git('config', '--file', '.gitmodules', 'submodule.vendor/lib.update', 'none');
    await project.git('commit', '--quiet', '--all', '--message', 'without the library');
    rmSync(lib.directory, { recursive: true });
    expect(filesOf(await open())).to.deep.equal({ file: 'one\n', vendor: '/', 'vendor/lib': '/' });
  });

  it('without a URL are refused with their path', async () => {
    await project.git('config', '--file', '.gitmodules', '--unset', 'submodule.vendor/lib.url');
    await project.git('commit', '--quiet', '--all', '--message', 'without an address');
    const error = await open().catch((reason: unknown) => reason);
    expect(String(error)).to.match(/check \.gitmodules.*vendor\/lib/);
  });

  it('that cannot be fetched are named, with the message of git', async () => {
    rmSync(deep.directory, { recursive: true });
    const error: unknown = await open().catch((reason: unknown) => reason);
    expect(error)
      .to.be.instanceOf(Error)
      .with.property('message')
      .that.matches(/^The submodule vendor\/lib\/deep: .*\/deep\/.git .*git said/);
    expect(readdirSync(join(parent, 'slave', 'builds'))).to.deep.equal([]);
  });
});

describe('a workspace with submodules that was used before', () => {
  before(async function () {
    if ((await isDirectoryInUse(tmpdir())) === null) {
      this.skip();
    }
  });

  const inode = ({ projectDirectory }: Workspace, name: string) => statSync(join(projectDirectory, name)).ino;

  it('keeps files that did not change', async () => {
    const first = await open();
    const names = ['file', 'vendor/lib/l', 'vendor/lib/deep/d'];
    const before = names.map((name) => inode(first, name));
    await first.release();
    const second = await open();
    expect(names.map((name) => inode(second, name))).to.deep.equal(before);
    expect(filesOf(second)).to.deep.equal(FILES);
  });

  it('is as clean as a new one, whatever the build before did to it', async () => {
    const first = await open();
    writeFiles(first.projectDirectory, {
      'vendor/lib/l': 'x\n',
      'vendor/lib/new': '',
      'vendor/lib/deep/new': '',
      'vendor/lib/.git/info/exclude': '*\n',
      'vendor/lib/.git/hooks/post-checkout': '#!/bin/sh\ntouch evil\n',
      'vendor/lib/deep/.git/hooks/post-index-change': '#!/bin/sh\ntouch evil\n',
    });
    rmSync(join(first.projectDirectory, 'vendor/lib/deep/d'));
    const before = inode(first, 'file');
    await first.release();
    const second = await open();
    expect(filesOf(second)).to.deep.equal(FILES);
    expect(inode(second, 'file')).to.equal(before);
    expect(readdirSync(join(second.projectDirectory, 'vendor/lib/.git'))).to.not.include('hooks');
  });

  it('does not follow a link in the place of a submodule, and writes nothing to its target', async () => {
    const other = join(parent, 'other');
    writeFiles(other, { 'lib/l': 'precious\n' });
    const first = await open();
    rmSync(join(first.projectDirectory, 'vendor'), { recursive: true });
    symlinkSync(other, join(first.projectDirectory, 'vendor'));
    await first.release();
    expect(filesOf(await open())).to.deep.equal(FILES);
    expect(readdirSync(other, { recursive: true })).to.deep.equal(['lib', 'lib/l']);
    expect(readFileSync(join(other, 'lib/l'), 'utf8')).to.equal('precious\n');
  });

  it('has an empty folder where the next commit says update = none, whatever the build before left there', async () => {
    const first = await open();
    await first.release();
    await project.git('config', '--file', '.gitmodules', 'submodule.vendor/lib.update', 'none');
    await project.git('commit', '--quiet', '--all', '--message', 'without the library');
    const skipped = { file: 'one\n', vendor: '/', 'vendor/lib': '/' };
    const second = await open();
    expect(filesOf(second)).to.deep.equal(skipped);
    const kept = inode(second, 'file');
    writeFiles(second.projectDirectory, { 'vendor/lib/left': '' });
    await second.release();
    const third = await open();
    expect(filesOf(third)).to.deep.equal(skipped);
    expect(inode(third, 'file')).to.equal(kept);
    await third.release();
    await project.git('config', '--file', '.gitmodules', 'submodule.vendor/lib.update', 'checkout');
    await project.git('commit', '--quiet', '--all', '--message', 'with the library');
    expect(filesOf(await open())).to.deep.equal(FILES);
  });

  it('follows the submodules of the next commit', async () => {
    await (await open()).release();
    await lib.commit({ l: 'newer\n' });
    await setSubmodule(project, 'vendor/lib', lib, 'lib');
    const second = await open();
    expect(filesOf(second)).to.deep.equal({ ...FILES, 'vendor/lib/l': 'newer\n' });
    await second.release();
    await setSubmodule(project, 'other', deep, 'deep');
    const third = await open();
    expect(filesOf(third)).to.include({ other: '/', 'other/d': 'd\n' });
    await third.release();
    await project.git('rm', '--quiet', '--cached', '-r', 'vendor/lib', 'other');
    writeFiles(project.directory, { '.gitmodules': '', 'vendor/lib/l': 'no submodule\n' });
    await project.commit({});
    expect(filesOf(await open())).to.deep.equal({
      file: 'one\n',
      vendor: '/',
      'vendor/lib': '/',
      'vendor/lib/l': 'no submodule\n',
    });
  });
});
