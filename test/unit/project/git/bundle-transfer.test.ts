import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../../src/lib/clock.js';
import { openWorkspace, type Workspace } from '../../../../src/project/workspace/open-workspace.js';
import type { Project } from '../../../../src/protocol/build/project.js';
import { ClusterRunnerError } from '../../../../src/protocol/errors.js';
import { toId } from '../../../../src/protocol/ids.js';
import { MemoryRelay } from '../../../support/memory-relay.js';

const env = { PATH: process.env.PATH ?? '', HOME: tmpdir() };
const who = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@h',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@h',
};

let parent: string;
let origin: string;
let warnings: string[];
let relay: MemoryRelay;

function git(...args: string[]): string {
  const options = { cwd: origin, env: { ...env, ...who }, encoding: 'utf8', stdio: 'pipe' } as const;
  return execFileSync('git', args, options).trim();
}

function commit(text: string): string {
  writeFileSync(join(origin, 'file'), text);
  git('add', '-A');
  git('commit', '-q', '-m', text.slice(0, 10));
  return git('rev-parse', 'HEAD');
}

/** On the slave of this name. */
function open(slave: string, { hash = null }: { hash?: string | null } = {}, build = 1): Promise<Workspace> {
  const url = `file://${origin}`;
  const project: Project = {
    type: 'git',
    url,
    remote: 'origin',
    branch: null,
    hash,
    project_directory: null,
  };
  return openProject(slave, project, build);
}

function openProject(slave: string, project: Project, build: number): Promise<Workspace> {
  return openWorkspace({
    project,
    remoteFiles: [],
    buildId: toId.build(build),
    root: join(parent, slave),
    gitStrictHostKeyChecking: true,
    workspacesKept: 2,
    remoteFileLimits: { remoteFileMaxBytes: 1024 ** 2, remoteFilesTimeout: 60 },
    random: () => 0,
    env,
    relay,
    warn: (message) => warnings.push(message),
    signal: new AbortController().signal,
    clock: systemClock,
  });
}

describe('a commit that the master passes on', () => {
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'relay-'));
    origin = join(parent, 'origin');
    mkdirSync(origin);
    git('init', '-q', '-b', 'trunk');
    warnings = [];
    relay = new MemoryRelay(join(parent, 'relay'));
  });
  afterEach(() => rmSync(parent, { recursive: true }));

  it('is received without contacting its origin', async () => {
    const hash = commit('one');
    git('tag', 'v1');
    await (await open('first')).share(relay);
    rmSync(origin, { recursive: true });
    const { commit: found, projectDirectory } = await open('second', { hash });
    expect(found).to.equal(hash);
    const said = execFileSync('git', ['log', '--format=%d'], { cwd: projectDirectory, encoding: 'utf8' });
    expect(said).to.contain('origin/trunk').and.contain('v1');
    expect(warnings).to.deep.equal([]);
  });

  it('is received as a thin bundle by a slave that has an older commit', async () => {
    const large = Array.from({ length: 2000 }, () => Math.random()).join('\n');
    const old = commit(large);
    await (await open('first')).share(relay);
    await open('second', { hash: old });
    const hash = commit(`${large}\nmore`);
    await (await open('first', {}, 2)).share(relay);
    expect(relay.packs.get(hash)?.base).to.equal(old);
    expect(relay.packs.get(hash)?.bytes).to.be.lessThan(2000);
    relay.fetched = 0;
    expect((await open('second', { hash }, 2)).commit).to.equal(hash);
    expect(relay.fetched).to.equal(1);
    expect((await open('third', { hash }, 2)).commit).to.equal(hash);
    expect(relay.fetched).to.equal(3);
  });

  it('is not sent when there are no other slaves', async () => {
    commit('one');
    relay.numSlaves = 1;
    await (await open('first')).share(relay);
    expect(relay.packs.size).to.equal(0);
  });

  it('is fetched from the origin, with a warning, when the master does not have it', async () => {
    const hash = commit('one');
    expect((await open('second', { hash })).commit).to.equal(hash);
    expect(warnings[0]).to.contain(hash).and.contain('origin');
  });

  for (const [what, spoil] of [
    ['damaged', (path: string) => writeFileSync(path, 'no bundle')],
    ['that of another', (path: string, other: string) => copyFileSync(other, path)],
  ] as const) {
    it(`is fetched from the origin when its bundle is ${what}`, async () => {
      const other = commit('one');
      await (await open('first')).share(relay);
      const hash = commit('two');
      await (await open('first', {}, 2)).share(relay);
      spoil(relay.path(hash), relay.path(other));
      expect((await open('second', { hash })).commit).to.equal(hash);
      expect(warnings[0]).to.contain('origin');
    });
  }

  it('changes no other branch on the receiving slave, and no tag that the commit does not contain', async () => {
    const old = commit('one');
    git('tag', 'v1');
    await open('second', { hash: old });
    const hash = commit('two');
    git('tag', 'v2');
    git('update-ref', `refs/clusterrunner/commits/${hash}`, hash);
    git('branch', 'side', old);
    git('checkout', '-q', '--orphan', 'other');
    const evil = commit('evil');
    git('branch', '-f', 'side');
    git('tag', '-f', 'v1');
    const file = join(parent, 'bundle');
    const refs = [`refs/clusterrunner/commits/${hash}`, 'trunk', 'side', 'v1', 'v2'];
    git('bundle', 'create', '-q', file, ...refs);
    await relay.send(hash, null, file);
    const { projectDirectory } = await open('second', { hash }, 2);
    const said = execFileSync('git', ['for-each-ref', '--format=%(objectname) %(refname)'], {
      cwd: projectDirectory,
      encoding: 'utf8',
    });
    expect(said).to.contain(`${hash} refs/remotes/origin/trunk`).and.contain(`${hash} refs/tags/v2`);
    expect(said).to.contain(`${old} refs/tags/v1`).and.not.contain(evil);
  });

  it('ends the build when it is a snapshot that the master does not have', async () => {
    const opening = openProject(
      'second',
      { type: 'snapshot', hash: 'a'.repeat(40), url: null, project_directory: null },
      1,
    );
    const error: unknown = await opening.catch((reason: unknown) => reason);
    expect(error)
      .to.be.instanceOf(ClusterRunnerError)
      .with.property('message')
      .that.contains('run the build again');
  });
});
