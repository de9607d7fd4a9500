import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../src/lib/clock.js';
import { cacheScope, DependencyCache, sweepDependencyCache } from '../../../src/project/dependency-cache.js';
import type { NamedJob } from '../../../src/protocol/build/job.js';
import type { GitProject } from '../../../src/protocol/build/project.js';

const URL = 'https://git.example/p.git';
const project: GitProject = {
  type: 'git',
  url: URL,
  remote: 'origin',
  branch: 'main',
  hash: null,
  project_directory: null,
};
const job: NamedJob = {
  name: 'Unit',
  definition: {
    commands: ['true'],
    atomizers: [{ T: 'echo' }],
    setup_build: ['npm ci'],
    cache: { key: ['lock'], paths: ['modules', 'deep/made'] },
  },
};

describe('DependencyCache', () => {
  let root: string;
  let warnings: string[];
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'dependency-cache-'));
    warnings = [];
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const cacheOf = (maxBytes = 64 * 1024 ** 2) =>
    new DependencyCache({
      root,
      maxBytes,
      env: { PATH: process.env.PATH ?? '' },
      clock: systemClock,
      warn: (message) => warnings.push(message),
    });

  function checkout(name: string, lock: string): string {
    const directory = join(root, name);
    mkdirSync(directory);
    writeFileSync(join(directory, 'lock'), lock);
    return directory;
  }

  function makeDependencies(directory: string, content: string): void {
    mkdirSync(join(directory, 'modules', 'bin'), { recursive: true });
    writeFileSync(join(directory, 'modules', 'bin', 'tool'), content);
    chmodSync(join(directory, 'modules', 'bin', 'tool'), 0o755);
    symlinkSync('bin/tool', join(directory, 'modules', 'link'));
    mkdirSync(join(directory, 'deep'), { recursive: true });
    writeFileSync(join(directory, 'deep', 'made'), content);
  }

  /** Runs a setup that makes the dependencies unless the cache has them; resolves with whether it has. */
  async function build(
    cache: DependencyCache,
    directory: string,
    content = 'made',
    request: { project?: GitProject; job?: NamedJob; ok?: boolean } = {},
  ): Promise<boolean> {
    return await cache.around(
      {
        project: request.project ?? project,
        job: request.job ?? job,
        projectDirectory: directory,
        signal: new AbortController().signal,
      },
      async (isHit) => {
        if (!isHit) {
          makeDependencies(directory, content);
        }
        return { ok: request.ok ?? true, value: isHit };
      },
    );
  }
  const toolOf = (directory: string) => readFileSync(join(directory, 'modules', 'bin', 'tool'), 'utf8');

  it('gives a later build what the setup of an earlier one has created, with modes and links', async () => {
    const cache = cacheOf();
    expect(await build(cache, checkout('a', 'v1'), 'first')).to.equal(false);
    const second = checkout('b', 'v1');
    expect(await build(cache, second, 'second')).to.equal(true);
    expect(toolOf(second)).to.equal('first');
    expect(readFileSync(join(second, 'modules', 'link'), 'utf8')).to.equal('first');
    expect(readFileSync(join(second, 'deep', 'made'), 'utf8')).to.equal('first');
    expect(warnings).to.deep.equal([]);
  });

  it('does not change when a build changes its copy', async () => {
    const cache = cacheOf();
    const first = checkout('a', 'v1');
    await build(cache, first, 'good');
    writeFileSync(join(first, 'modules', 'bin', 'tool'), 'bad');
    const second = checkout('b', 'v1');
    await build(cache, second);
    writeFileSync(join(second, 'modules', 'bin', 'tool'), 'bad');
    const third = checkout('c', 'v1');
    await build(cache, third);
    expect(toolOf(third)).to.equal('good');
  });

  it('misses for a build whose key file differs or is missing', async () => {
    const cache = cacheOf();
    await build(cache, checkout('a', 'v1'));
    expect(await build(cache, checkout('b', 'v2'))).to.equal(false);
    const without = checkout('c', 'v1');
    rmSync(join(without, 'lock'));
    expect(await build(cache, without)).to.equal(false);
  });

  it('misses for another setup, job, repository or proposed change', async () => {
    const cache = cacheOf();
    await build(cache, checkout('a', 'v1'));
    const others: { project?: GitProject; job?: NamedJob }[] = [
      { job: { ...job, name: 'Other' } },
      { job: { ...job, definition: { ...job.definition, setup_build: ['npm install'] } } },
      { project: { ...project, url: 'https://git.example/fork.git' } },
      { project: { ...project, project_directory: 'sub' } },
      { project: { ...project, branch: 'refs/pull/1/head' } },
    ];
    for (const [index, other] of others.entries()) {
      expect(await build(cache, checkout(`b${index}`, 'v1'), 'other', other), `${index}`).to.equal(false);
    }
    expect(
      await build(cache, checkout('c', 'v1'), '', { project: { ...project, branch: 'topic' } }),
    ).to.equal(true);
  });

  it('caches nothing of a setup that failed', async () => {
    const cache = cacheOf();
    await build(cache, checkout('a', 'v1'), 'half', { ok: false });
    expect(await build(cache, checkout('b', 'v1'))).to.equal(false);
  });

  it('caches nothing, and says why, when a path is missing or is a link', async () => {
    const cache = cacheOf();
    const request = { project, job, signal: new AbortController().signal };
    await cache.around({ ...request, projectDirectory: checkout('a', 'v1') }, async () => ({
      ok: true,
      value: null,
    }));
    expect(warnings[0]).to.include('setup_build has not created modules');
    const linked = checkout('b', 'v1');
    symlinkSync('/etc', join(linked, 'modules'));
    await cache.around({ ...request, projectDirectory: linked }, async () => ({ ok: true, value: null }));
    expect(warnings[1]).to.include('modules is not a folder or file');
    expect(readdirSync(join(root, 'caches'))).to.deep.equal([]);
  });

  it('does not read or write through a link that leads out of the checkout', async () => {
    const cache = cacheOf();
    const outside = join(root, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'made'), 'secret');
    const evil = checkout('a', 'v1');
    mkdirSync(join(evil, 'modules'));
    symlinkSync(outside, join(evil, 'deep'));
    const request = {
      project,
      job,
      projectDirectory: evil,
      signal: new AbortController().signal,
    };
    await cache.around(request, async () => ({ ok: true, value: null }));
    expect(warnings[0]).to.include('leads out of the checkout');
    await build(cache, checkout('b', 'v1'));
    const target = checkout('c', 'v1');
    symlinkSync(outside, join(target, 'deep'));
    expect(await build(cache, target, 'x').catch(() => 'setup failed')).to.not.equal(true);
    expect(readFileSync(join(outside, 'made'), 'utf8')).to.not.equal('made');
  });

  it('removes the least recently used entries when it grows beyond its limit', async () => {
    const cache = cacheOf(200 * 1024);
    const content = 'x'.repeat(60 * 1024);
    await build(cache, checkout('a', 'v1'), content);
    const [oldest = ''] = readdirSync(join(root, 'caches'));
    utimesSync(join(root, 'caches', oldest, 'complete'), 1, 1);
    await build(cache, checkout('b', 'v2'), content);
    expect(readdirSync(join(root, 'caches')))
      .to.have.length(1)
      .and.not.include(oldest);
    expect(await build(cache, checkout('c', 'v2'), content)).to.equal(true);
  });

  it('does not keep an entry that is larger than its limit', async () => {
    const cache = cacheOf(16 * 1024);
    await build(cache, checkout('a', 'v1'), 'x'.repeat(60 * 1024));
    expect(readdirSync(join(root, 'caches'))).to.deep.equal([]);
    expect(warnings[0]).to.include('more than dependency_cache_max_mib');
  });

  it('runs the setup of one of two builds that begin together, and gives its result to the other', async () => {
    const cache = cacheOf();
    const hits = await Promise.all([build(cache, checkout('a', 'v1')), build(cache, checkout('b', 'v1'))]);
    expect(hits.sort()).to.deep.equal([false, true]);
  });

  it('removes unfinished entries of a slave that was killed', async () => {
    mkdirSync(join(root, 'caches', 'unfinished-1', '0'), { recursive: true });
    await sweepDependencyCache(root);
    expect(existsSync(join(root, 'caches', 'unfinished-1'))).to.equal(false);
  });

  it('caches nothing for directory projects and trees without a repository', () => {
    expect(cacheScope({ type: 'directory', project_directory: '/p' }, 'Unit')).to.equal(null);
    const snapshot = { type: 'snapshot', hash: 'a'.repeat(40), url: null, project_directory: null } as const;
    expect(cacheScope(snapshot, 'Unit')).to.equal(null);
  });
});
