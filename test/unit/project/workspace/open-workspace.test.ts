import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../../src/lib/clock.js';
import type { WorkspaceOptions } from '../../../../src/project/workspace/open-workspace.js';
import { sweepWorkspaces } from '../../../../src/project/workspace/sweep-workspaces.js';
import type { GitProject, Project, RemoteFile } from '../../../../src/protocol/build/project.js';
import { ClusterRunnerError } from '../../../../src/protocol/errors.js';
import { gitProject, openOn } from '../../../support/workspaces.js';

const who = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@h',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@h',
};
const env = { PATH: process.env.PATH ?? '', HOME: tmpdir() };

let parent: string;
let origin: string;
let root: string;
const said: string[] = [];

function git(cwd: string, ...args: string[]): string {
  return execFileSync('git', args, { cwd, env: { ...env, ...who }, encoding: 'utf8', stdio: 'pipe' }).trim();
}

function commit(text: string): string {
  writeFileSync(join(origin, 'file'), text);
  git(origin, 'add', '-A');
  git(origin, 'commit', '-q', '-m', text);
  return git(origin, 'rev-parse', 'HEAD');
}

function project(more: Partial<GitProject> = {}): GitProject {
  return gitProject(`file://${origin}`, more);
}

function open(of: Project, more: Partial<WorkspaceOptions> = {}, build = 1) {
  return openOn(root, of, { build, warn: (message) => said.push(message), ...more });
}

async function refusal(opening: Promise<unknown>): Promise<string> {
  try {
    await opening;
  } catch (error) {
    if (error instanceof ClusterRunnerError) {
      return error.message;
    }
    throw error;
  }
  throw new Error('It was opened.');
}

beforeEach(() => {
  parent = realpathSync(mkdtempSync(join(tmpdir(), 'project-')));
  origin = join(parent, 'origin');
  root = join(parent, 'root');
  mkdirSync(origin);
  git(origin, 'init', '-q', '-b', 'trunk');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

describe('the workspace of a git project', () => {
  it("is the remote's HEAD, and gone after its release", async () => {
    const head = commit('one');
    const workspace = await open(project());
    expect(workspace.commit).to.equal(head);
    expect(readFileSync(join(workspace.projectDirectory, 'file'), 'utf8')).to.equal('one');
    expect(git(workspace.projectDirectory, 'remote', 'get-url', 'origin')).to.equal(`file://${origin}`);
    await workspace.release();
    await workspace.release();
    expect(readdirSync(join(root, 'builds'))).to.deep.equal([]);
  });

  it('is the newest commit of a branch each time', async () => {
    commit('one');
    git(origin, 'checkout', '-q', '-b', 'side/way');
    const first = commit('two');
    const branch = project({ branch: 'side/way', remote: 'upstream' });
    expect((await open(branch)).commit).to.equal(first);
    git(origin, 'commit', '-q', '--amend', '--allow-empty', '-m', 'forced');
    expect((await open(branch, {}, 2)).commit).to.equal(git(origin, 'rev-parse', 'HEAD'));
  });

  it('can be at tags and refs outside of the branches', async () => {
    const old = commit('one');
    git(origin, 'tag', '-a', 'v1', '-m', 'v1');
    const head = commit('two');
    git(origin, 'update-ref', 'refs/pull/5/head', head);
    expect((await open(project({ branch: 'v1' }))).commit).to.equal(old);
    expect((await open(project({ branch: 'pull/5/head' }), {}, 2)).commit).to.equal(head);
    expect((await open(project({ branch: 'refs/pull/5/head' }), {}, 3)).commit).to.equal(head);
  });

  it('can be at a hash that no branch contains', async () => {
    commit('one');
    const lost = commit('two');
    git(origin, 'update-ref', 'refs/changes/1', lost);
    git(origin, 'reset', '-q', '--hard', 'HEAD~1');
    const workspace = await open(project({ branch: 'trunk', hash: lost }));
    expect(workspace.commit).to.equal(lost);
    expect((await open(project({ hash: lost.slice(0, 12).toUpperCase() }), {}, 2)).commit).to.equal(lost);
  });

  it('needs no remote for a hash that the mirror has', async () => {
    const hash = commit('one');
    await open(project());
    rmSync(origin, { recursive: true });
    expect((await open(project({ hash }), {}, 2)).commit).to.equal(hash);
  });

  it('is separate for builds that start together', async () => {
    commit('one');
    const opened = await Promise.all([1, 2, 3, 4].map((build) => open(project(), {}, build)));
    expect(new Set(opened.map((workspace) => workspace.projectDirectory)).size).to.equal(4);
    expect(readdirSync(join(root, 'mirrors')).length).to.equal(1);
  });

  it('has the project directory as PROJECT_DIR', async () => {
    mkdirSync(join(origin, 'sub'));
    writeFileSync(join(origin, 'sub', 'x'), '');
    symlinkSync('/', join(origin, 'out'));
    commit('one');
    const { projectDirectory } = await open(project({ project_directory: 'sub/' }));
    expect(readdirSync(projectDirectory)).to.deep.equal(['x']);
    expect(await refusal(open(project({ project_directory: 'gone' })))).to.include('no folder "gone"');
    expect(await refusal(open(project({ project_directory: 'out/tmp' })))).to.include('leads out');
    expect(await refusal(open(project({ project_directory: '../x' })))).to.include('not in the repository');
  });

  it('has its submodules', async () => {
    const library = join(parent, 'library');
    git(parent, 'clone', '-q', '--bare', origin, 'empty.git');
    mkdirSync(library);
    git(library, 'init', '-q');
    writeFileSync(join(library, 'lib'), '');
    git(library, 'add', '-A');
    git(library, 'commit', '-q', '-m', 'lib');
    git(
      origin,
      '-c',
      'protocol.file.allow=always',
      'submodule',
      '--quiet',
      'add',
      `file://${library}`,
      'deep',
    );
    commit('one');
    const { projectDirectory } = await open(project());
    expect(existsSync(join(projectDirectory, 'deep', 'lib'))).to.equal(true);
  });

  it('is made from a new mirror when the old one is damaged', async () => {
    const head = commit('one');
    const first = await open(project());
    await first.release();
    const [name = ''] = readdirSync(join(root, 'mirrors'));
    const mirror = join(root, 'mirrors', name);
    for (const damage of ['packed-refs', 'config', 'HEAD', 'objects']) {
      rmSync(join(mirror, damage), { recursive: true, force: true });
      writeFileSync(join(mirror, damage), 'rubbish\n');
      const again = await open(project(), {}, 2);
      expect(again.commit, damage).to.equal(head);
      await again.release();
    }
  });

  it('ignores the git variables of the caller', async () => {
    const head = commit('one');
    const astray = {
      ...env,
      GIT_DIR: join(parent, 'x'),
      GIT_WORK_TREE: '/',
      GIT_INDEX_FILE: '/x',
      GIT_CONFIG_COUNT: '9',
    };
    expect((await open(project(), { env: astray })).commit).to.equal(head);
  });

  it('replaces the workspace that a killed process has left', async () => {
    commit('one');
    mkdirSync(join(root, 'builds', '1', 'rest'), { recursive: true });
    const { projectDirectory } = await open(project());
    expect(existsSync(join(projectDirectory, 'rest'))).to.equal(false);
  });

  it('says what is wrong, without credentials, and leaves nothing', async () => {
    commit('one');
    const missing = await refusal(open(project({ url: `file://${parent}/none` })));
    expect(missing).to.include('does not exist');
    expect(await refusal(open(project({ branch: 'nope' })))).to.include('named "nope"');
    expect(await refusal(open(project({ hash: 'ab'.repeat(20) })))).to.match(
      /no commit abab.* by its hash alone/,
    );
    expect(await refusal(open(project({ hash: 'abababab' })))).to.match(/no commit abab.* the full hash/);
    expect(await refusal(open(project({ url: 'http://me:secret@127.0.0.1:1/r' })))).to.satisfy(
      (text: string) => text.includes('cannot be reached') && !text.includes('secret'),
    );
    expect(await refusal(open(project(), { env: { PATH: parent } }))).to.include('git is not installed');
    expect(readdirSync(join(root, 'builds'))).to.deep.equal([]);
  });

  it('reports a repository without a commit', async () => {
    expect(await refusal(open(project()))).to.include('no commit at its HEAD');
  });

  it('ends with the reason of the signal when it is canceled', async () => {
    const cancel = new AbortController();
    commit('one');
    const opening = open(project(), { signal: cancel.signal });
    cancel.abort(new Error('enough'));
    let reason: unknown;
    await opening.catch((error: unknown) => {
      reason = error;
    });
    expect(reason).to.equal(cancel.signal.reason);
  });
});

describe('the workspace of a directory project', () => {
  it('is the directory itself, which stays', async () => {
    const workspace = await open({ type: 'directory', project_directory: origin });
    expect([workspace.projectDirectory, workspace.commit]).to.deep.equal([origin, null]);
    await workspace.release();
    expect(existsSync(origin)).to.equal(true);
  });

  it('must be an existing folder with an absolute path', async () => {
    for (const folder of ['relative', join(parent, 'gone')]) {
      expect(await refusal(open({ type: 'directory', project_directory: folder }))).to.include(folder);
    }
  });
});

describe('sweepWorkspaces', () => {
  it('removes all workspaces, and only old mirrors', async () => {
    commit('one');
    await open(project());
    const old = join(root, 'mirrors', 'old');
    mkdirSync(old);
    utimesSync(old, 1, 1);
    await sweepWorkspaces(root, systemClock, 2, expect.fail);
    expect(readdirSync(join(root, 'builds'))).to.deep.equal([]);
    expect(readdirSync(join(root, 'mirrors')).length).to.equal(1);
    expect(existsSync(old)).to.equal(false);
  });

  it('does nothing where nothing was opened', () =>
    sweepWorkspaces(join(parent, 'none'), systemClock, 2, expect.fail));
});

describe('remote files', () => {
  let base: string;
  let close: () => Promise<void>;
  let requests: number;
  beforeEach(async () => {
    requests = 0;
    const server = createServer((request, response) => {
      if (request.url === '/moved') {
        response.writeHead(302, { location: '/file' }).end();
      } else if (request.url === '/loop') {
        response.writeHead(302, { location: '/loop' }).end();
      } else if (request.url === '/broken') {
        response.writeHead(200, { 'content-length': '100' });
        response.write('half', () => response.destroy());
      } else if (request.url === '/busy') {
        requests += 1;
        response.writeHead(requests < 3 ? 503 : 200).end('content');
      } else if (request.url === '/endless') {
        const write = () => {
          for (let more = true; more; ) {
            more = response.write(Buffer.alloc(64 * 1024));
          }
        };
        response.on('drain', write);
        write();
      } else if (request.url === '/silent') {
        response.flushHeaders();
      } else if (request.url === '/who') {
        response.end(request.headers.authorization ?? 'nobody');
      } else if (request.url === '/file') {
        response.end('content');
      } else {
        response.writeHead(404).end('no');
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    base = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    close = () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
  });
  afterEach(() => close());

  function withFiles(...remoteFiles: RemoteFile[]) {
    return open({ type: 'directory', project_directory: origin }, { remoteFiles });
  }

  it('are downloaded under their names, through redirects and with credentials', async () => {
    await withFiles(
      { uri: `http://${base}/moved`, name: 'a/b/moved' },
      { uri: `http://me:p%20w@${base}/who`, name: 'who' },
    );
    expect(readFileSync(join(origin, 'a/b/moved'), 'utf8')).to.equal('content');
    expect(readFileSync(join(origin, 'who'), 'utf8')).to.equal(
      `Basic ${Buffer.from('me:p w').toString('base64')}`,
    );
  });

  it('do not appear when a download is incomplete', async () => {
    for (const path of ['none', 'broken', 'loop']) {
      expect(await refusal(withFiles({ uri: `http://${base}/${path}`, name: 'x' }))).to.include(
        'remote file x',
      );
    }
    expect(readdirSync(origin)).to.deep.equal(['.git']);
  });

  it('are requested again after temporary errors, and not after others', async () => {
    await withFiles({ uri: `http://${base}/busy`, name: 'x' });
    expect(readFileSync(join(origin, 'x'), 'utf8')).to.equal('content');
    expect(requests).to.equal(3);
  });

  it('have limits of size and time, whatever the server says', async () => {
    const limited = (path: string, more: Partial<WorkspaceOptions> = {}) => {
      const remoteFiles = [{ uri: `http://${base}/${path}`, name: 'x' }];
      return refusal(open({ type: 'directory', project_directory: origin }, { remoteFiles, ...more }));
    };
    expect(await limited('endless'))
      .to.include('more than the 1 MiB')
      .and.include('remote_file_max_mib');
    const remoteFileLimits = { remoteFileMaxBytes: 1024, remoteFilesTimeout: 0.2 };
    expect(await limited('silent', { remoteFileLimits })).to.include('remote_files_timeout');
    expect(readdirSync(origin)).to.deep.equal(['.git']);
  });

  it('do not follow links out of the workspace', async () => {
    const outside = join(parent, 'outside');
    mkdirSync(outside);
    symlinkSync(outside, join(origin, 'out'));
    symlinkSync(join(outside, 'new'), join(origin, 'dangling'));
    symlinkSync(join(outside, 'target'), join(origin, 'link'));
    const uri = `http://${base}/file`;
    for (const name of ['out/x', 'out/deep/x', 'dangling/x', '../x', '/x']) {
      expect(await refusal(withFiles({ uri, name })), name).to.include('remote file');
    }
    await withFiles({ uri, name: 'link' });
    expect(readFileSync(join(origin, 'link'), 'utf8')).to.equal('content');
    expect(readdirSync(outside)).to.deep.equal([]);
  });

  it('are removed with the workspace of a git project', async () => {
    commit('one');
    const workspace = await open(project(), { remoteFiles: [{ uri: `http://${base}/file`, name: 'x' }] });
    expect(existsSync(join(workspace.projectDirectory, 'x'))).to.equal(true);
    await workspace.release();
    expect(existsSync(workspace.projectDirectory)).to.equal(false);
  });
});
