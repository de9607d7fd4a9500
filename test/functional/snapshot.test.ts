import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { createLocalRequest } from '../../src/cli/build/request/local-request.js';
import { prepareRequest } from '../../src/cli/build/request/prepare-request.js';
import { ClusterRunnerError } from '../../src/protocol/errors.js';
import { Cluster } from '../support/cluster.js';
import { filesOf } from '../support/file-digests.js';
import { GitProject, writeFiles } from '../support/project.js';

const jobs = `
List:
    atomizers:
        - TOKEN: echo x
    commands:
        - cd "$PROJECT_DIR"
        - find . -path ./.git -prune -o ! -type d -print | LC_ALL=C sort
        - cat tracked new 2>/dev/null || true
        - test ! -e link || { test -x sub/tool && readlink link; }
Fail:
    atomizers:
        - TOKEN: printf 'good\\nbad\\n'
    commands:
        - cat tracked
        - git rev-parse HEAD
        - test "$TOKEN" = good
`;

describe('a snapshot of a working tree', () => {
  let cluster: Cluster;
  let project: GitProject;
  before(async () => {
    cluster = await Cluster.start(1, 1);
  });
  after(() => cluster.stop());
  beforeEach(async () => {
    rmSync(cluster.cwd, { recursive: true, force: true });
    mkdirSync(cluster.cwd);
    project = await GitProject.create(cluster.cwd, {
      'clusterrunner.yaml': jobs,
      tracked: 'committed\n',
      gone: '',
      '.gitignore': 'ignored\n',
    });
  });

  const build = async (...args: readonly string[]) => {
    const { exitCode, stdout, stderr } = await cluster.build(['snapshot', ...args]);
    expect(exitCode, stdout + stderr).to.equal(0);
    return { stdout, printed: cluster.result(0, 'clusterrunner_console_output') };
  };

  it('has changed, new and deleted files, modes and links, and no ignored files', async () => {
    writeFiles(cluster.cwd, { tracked: 'changed\n', new: 'new\n', ignored: '', 'sub/tool': '#!/bin/sh\n' });
    rmSync(join(cluster.cwd, 'gone'));
    symlinkSync('sub/tool', join(cluster.cwd, 'link'));
    const { printed, stdout } = await build('-j', 'List');
    expect(printed).to.equal(
      './.gitignore\n./clusterrunner.yaml\n./link\n./new\n./sub/tool\n./tracked\nchanged\nnew\nsub/tool\n',
    );
    expect(stdout).to.contain('with what is not committed');
  });

  it('leaves files, index, refs and objects of the repository unchanged', async () => {
    writeFiles(cluster.cwd, { tracked: 'changed\n', staged: '', new: 'new\n' });
    await project.git('add', 'staged');
    await project.git('config', 'core.splitIndex', 'true');
    const before = filesOf(cluster.cwd);
    await build('-j', 'List');
    rmSync(join(cluster.cwd, 'build_results'), { recursive: true });
    expect(filesOf(cluster.cwd)).to.deep.equal(before);
  });

  for (const folder of ['.', 'deep/er']) {
    it(`is made in ${folder} although git ignores the results of an earlier build there`, async () => {
      writeFiles(cluster.cwd, {
        '.gitignore': 'build_results\n',
        [`${folder}/clusterrunner.yaml`]: jobs,
      });
      const cwd = join(cluster.cwd, folder);
      for (let time = 0; time < 2; time += 1) {
        const { exitCode, stderr } = await cluster.build(['snapshot', '-j', 'List'], { cwd });
        expect(exitCode, stderr).to.equal(0);
      }
      const console = join(cwd, 'build_results', 'artifact_0_0', 'clusterrunner_console_output');
      expect(readFileSync(console, 'utf8')).to.not.contain('build_results');
    });
  }

  it('is sent once; later only what is new is sent', async () => {
    writeFiles(cluster.cwd, { large: Array.from({ length: 20_000 }, () => Math.random()).join('\n') });
    await project.commit({});
    const sizeOf = async () => {
      const { stdout } = await build('-j', 'List');
      const [, size = '', unit] = /snapshot \w+, ([\d.]+) (KiB|MiB)/.exec(stdout) ?? [];
      return Number(size) * (unit === 'MiB' ? 1024 : 1);
    };
    expect(await sizeOf()).to.be.greaterThan(100);
    // Unchanged, since the results of the build before are not part of it.
    expect(await sizeOf()).to.equal(0);
    writeFiles(cluster.cwd, { new: 'one\n' });
    expect(await sizeOf()).to.be.within(1, 5);
    await project.commit({});
    expect(await sizeOf()).to.be.within(0, 5);
    // Another user with the same commit.
    const other = await GitProject.clone(cluster.cwd, join(cluster.root, 'other'));
    writeFiles(other.directory, { new: 'two\n' });
    const { stdout } = await cluster.build(['snapshot', '-j', 'List'], { cwd: other.directory });
    expect(stdout).to.match(/snapshot \w+, [1-5] KiB/);
  });

  it('starts at the folder of --project-directory, and at the current folder', async () => {
    writeFiles(cluster.cwd, {
      'deep/er/clusterrunner.yaml': 'Here: {atomizers: [{X: echo x}], commands: [cat here, ls ../..]}\n',
      'deep/er/here': 'here\n',
    });
    expect((await build('--project-directory', 'deep/er')).printed).to.match(/^here\n/);
    const inside = await cluster.build(['snapshot'], { cwd: join(cluster.cwd, 'deep', 'er') });
    expect(inside.exitCode, inside.stderr).to.equal(0);
    rmSync(join(cluster.cwd, 'deep'), { recursive: true });
  });

  it('is made of a repository without a commit', async () => {
    rmSync(join(cluster.cwd, '.git'), { recursive: true });
    await project.git('init', '--quiet');
    expect((await build('-j', 'List')).printed).to.contain('./tracked\n');
  });

  it('is used again by --rerun-failed, whatever has changed since', async () => {
    // As long as before, and in the same second: git must compare the contents.
    writeFiles(cluster.cwd, { tracked: 'as it was\n' });
    const first = await cluster.build(['snapshot', '-j', 'Fail']);
    expect(first.exitCode, first.stderr).to.equal(1);
    const printed = cluster.result(1, 'clusterrunner_console_output');
    expect(printed).to.match(/^as it was\n/);
    const id = /Build (\d+) is accepted/.exec(first.stdout)?.[1] ?? '';
    writeFiles(cluster.cwd, { tracked: 'as it is\n' });
    const again = await cluster.build(['--rerun-failed', id]);
    expect(again.stdout).to.contain('1 of 1 atom failed');
    expect(cluster.result(0, 'clusterrunner_console_output')).to.equal(printed);
  });

  it('reports submodules and nested repositories that it holds in part or not at all', async () => {
    const library = await GitProject.create(join(cluster.root, 'library'), { lib: '1' });
    await project.git(
      '-c',
      'protocol.file.allow=always',
      'submodule',
      '--quiet',
      'add',
      library.url,
      'library',
    );
    await project.commit({});
    // Submodules may be on this machine only if the project is.
    await project.git('remote', 'add', 'origin', project.url);
    writeFiles(cluster.cwd, { 'library/lib': '2' });
    cpSync(library.directory, join(cluster.cwd, 'nested'), { recursive: true });
    const { stdout, printed } = await build('-j', 'List');
    expect(stdout).to.contain('Of the submodule library the commit').and.contain('nested is a repository');
    expect(printed).to.contain('./library/lib\n').and.not.contain('nested');
  });

  it('fails with a clear error where it cannot be made', async () => {
    const bare = join(cluster.root, 'no-checkout');
    writeFiles(bare, { 'clusterrunner.yaml': jobs });
    const outside = await cluster.build(['snapshot', '-j', 'List'], { cwd: bare });
    expect(outside.stderr).to.match(/must be in a git checkout/);
    expect(outside.exitCode).to.equal(2);
    const named = await cluster.build(['snapshot', '-j', 'List', '--branch', 'main']);
    expect(named.stderr).to.match(/--branch is for git builds/);
    const root = process.getuid?.() === 0;
    if (!root) {
      writeFiles(cluster.cwd, { unreadable: 'x' });
      chmodSync(join(cluster.cwd, 'unreadable'), 0);
      const ended = await cluster.build(['snapshot', '-j', 'List']);
      expect(ended.stderr).to.match(/cannot be read.*unreadable/);
    }
  });

  it('is built by default from a checkout when the master is elsewhere', async () => {
    const display = {
      say: () => undefined,
      show: () => undefined,
      fetching: () => undefined,
      end: () => undefined,
    };
    const { signal } = new AbortController();
    const typeOf = async (type: string | undefined, url: string, cwd: string) => {
      const wanted = await prepareRequest(type, { remoteFile: [], jobName: 'List' }, cwd);
      if (wanted.from !== 'local') {
        throw new Error('It is taken for a git build.');
      }
      return (
        await createLocalRequest(wanted, cluster.client, url, display, signal, join(cwd, 'build_results'))
      ).type;
    };
    const elsewhere = 'http://192.0.2.1:43000';
    const bare = join(cluster.root, 'bare');
    writeFiles(bare, { 'clusterrunner.yaml': jobs });
    expect(await typeOf(undefined, elsewhere, cluster.cwd)).to.equal('snapshot');
    expect(await typeOf('directory', elsewhere, cluster.cwd)).to.equal('directory');
    expect(await typeOf(undefined, 'http://localhost:43000', cluster.cwd)).to.equal('directory');
    expect(await typeOf(undefined, elsewhere, bare)).to.equal('directory');
    expect(await typeOf('snapshot', 'http://localhost:43000', cluster.cwd)).to.equal('snapshot');
    expect(
      await prepareRequest('svn', { remoteFile: [] }, bare).catch((error: unknown) => error),
    ).to.be.instanceOf(ClusterRunnerError);
  });

  it('leaves nothing in the temporary folder', () => {
    expect(existsSync(cluster.temporary) ? readdirSync(cluster.temporary) : []).to.deep.equal([]);
  });
});
