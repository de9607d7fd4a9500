import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { type Header, pack } from 'tar-stream';
import { replaceableFolder, unpackResults } from '../../../../../src/cli/build/results/unpack-results.js';
import { removeTree } from '../../../../../src/lib/fs/remove-tree.js';
import { ClusterRunnerError } from '../../../../../src/protocol/errors.js';
import { failureOf } from '../../../../support/failure-of.js';

async function tarGz(
  entries: readonly (Partial<Header> & { name: string; content?: string })[],
): Promise<Buffer> {
  const tar = pack();
  for (const { content, ...header } of entries) {
    tar.entry(header, content ?? '');
  }
  tar.finalize();
  return gzipSync(await buffer(tar));
}

/** The files except our .gitignore. */
function resultsIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name !== '.gitignore');
}

describe('unpacking results', () => {
  let outside: string;
  let target: string;
  beforeEach(() => {
    outside = mkdtempSync(join(tmpdir(), 'results-'));
    target = join(outside, 'build_results');
  });
  afterEach(() => removeTree(outside));

  it('replaces the old results by the new ones', async () => {
    mkdirSync(target);
    writeFileSync(join(target, 'failures.txt'), 'old');
    const archive = await tarGz([{ name: 'artifact_0_0/clusterrunner_exit_code', content: '0\n' }]);
    await unpackResults(Readable.from([archive]), target);
    expect(readFileSync(join(target, 'artifact_0_0/clusterrunner_exit_code'), 'utf8')).to.equal('0\n');
    expect(existsSync(join(target, 'failures.txt'))).to.equal(false);
    expect(readdirSync(outside)).to.deep.equal(['build_results']);
  });

  it('accepts an archive without an end-of-archive mark only where its length is known', async () => {
    const archive = await tarGz([{ name: 'artifact_0_0/a', content: 'a' }]);
    const cut = gzipSync(gunzipSync(archive).subarray(0, -1024));
    const refusal: unknown = await unpackResults(Readable.from([cut]), target, {
      requiresEndMark: true,
    }).catch((error: unknown) => error);
    expect(refusal)
      .to.be.instanceOf(ClusterRunnerError)
      .with.property('message')
      .that.contains('before its end');
    expect(readdirSync(outside)).to.deep.equal([]);
    // A file of zeros looks like the mark.
    const zeros = await tarGz([{ name: 'artifact_0_0/a', content: '\0'.repeat(4096) }]);
    const cutBehindZeros = gzipSync(gunzipSync(zeros).subarray(0, -1024));
    const again: unknown = await unpackResults(Readable.from([cutBehindZeros]), target, {
      requiresEndMark: true,
    }).catch((error: unknown) => error);
    expect(again).to.be.instanceOf(ClusterRunnerError);
    // In pieces, as from a network.
    const pieces = [archive.subarray(0, 40), archive.subarray(40)];
    await unpackResults(Readable.from(pieces), target, { requiresEndMark: true });
    expect(resultsIn(target)).to.deep.equal(['artifact_0_0']);
  });

  it('unpacks in the given folder, and leaves nothing there', async () => {
    const archive = await tarGz([{ name: 'artifact_0_0/a', content: 'a' }]);
    const fresh = join(outside, 'elsewhere');
    let seen: string[] = [];
    await unpackResults(Readable.from([archive]), target, {
      fresh,
      complete: async (directory) => {
        seen = [directory, ...readdirSync(outside)];
      },
    });
    expect(seen).to.deep.equal([fresh, 'elsewhere']);
    expect(readdirSync(outside)).to.deep.equal(['build_results']);
  });

  it('refuses to replace a folder that holds anything but results, or a file', async () => {
    mkdirSync(target);
    writeFileSync(join(target, 'main.c'), 'code');
    expect(() => replaceableFolder(target)).to.throw('build_results holds "main.c", which is no result');
    expect(() => replaceableFolder(join(target, 'main.c'))).to.throw('it must be a folder, or nothing yet');
    const archive = await tarGz([{ name: 'artifact_0_0/a', content: 'a' }]);
    const error = await unpackResults(Readable.from([archive]), target).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(ClusterRunnerError);
    expect(readFileSync(join(target, 'main.c'), 'utf8')).to.equal('code');
  });

  it('refuses to replace the current folder, or one that holds it, and not one beside it', () => {
    const inner = join(target, 'artifact_0_0');
    mkdirSync(inner, { recursive: true });
    expect(() => replaceableFolder(target, target)).to.throw('is the current folder or holds it');
    expect(() => replaceableFolder(target, inner)).to.throw('is the current folder or holds it');
    expect(replaceableFolder(target, outside)).to.equal(realpathSync(target));
    expect(replaceableFolder(target, `${target}.d`)).to.equal(realpathSync(target));
    expect(replaceableFolder(join(target, '..a'), target)).to.equal(join(target, '..a'));
    expect(() => replaceableFolder(join(target, '..a'), join(target, '..a', 'b'))).to.throw('holds it');
  });

  it('makes git ignore the results, also those that replace others', async () => {
    const git = (...args: string[]) => spawnSync('git', args, { cwd: outside, encoding: 'utf8' }).stdout;
    git('init', '-q');
    const archive = await tarGz([{ name: 'artifact_0_0/a', content: 'a' }]);
    for (const _ of ['first', 'second']) {
      await unpackResults(Readable.from([archive]), target);
      expect(existsSync(join(target, 'artifact_0_0', 'a'))).to.equal(true);
      expect(git('status', '--porcelain', '--untracked-files=all')).to.equal('');
    }
    expect(git('status', '--porcelain', '--ignored')).to.equal('!! build_results/\n');
  });

  it('lets git see the results where it sees the earlier ones', async () => {
    const archive = await tarGz([{ name: 'artifact_0_0/a', content: 'a' }]);
    mkdirSync(join(target, 'artifact_1_1'), { recursive: true });
    await unpackResults(Readable.from([archive]), target);
    expect(readdirSync(target)).to.deep.equal(['artifact_0_0']);
  });

  it("refuses to replace a folder with somebody's own .gitignore", async () => {
    const archive = await tarGz([{ name: 'artifact_0_0/a', content: 'a' }]);
    await unpackResults(Readable.from([archive]), target);
    const own = join(target, '.gitignore');
    const text = readFileSync(own, 'utf8');
    for (const other of [`${text}!.gitignore\n`, text.replace('*', '#')]) {
      writeFileSync(own, other);
      expect(() => replaceableFolder(target)).to.throw('holds ".gitignore", which is no result');
    }
    rmSync(own);
    symlinkSync('artifact_0_0/a', own);
    expect(() => replaceableFolder(target)).to.throw('holds ".gitignore", which is no result');
    rmSync(own);
    writeFileSync(own, text);
    expect(replaceableFolder(target)).to.equal(realpathSync(target));
  });

  it('refuses a place where a file system is mounted before anything is fetched', function () {
    if (!existsSync('/proc/self/stat')) {
      this.skip();
    }
    expect(() => replaceableFolder('/proc')).to.throw('A file system is mounted at /proc');
  });

  it('does not replace a folder that has got other files during the download', async () => {
    mkdirSync(target);
    const archive = await tarGz([{ name: 'artifact_0_0/a', content: 'a' }]);
    const error: unknown = await unpackResults(Readable.from([archive]), target, {
      complete: async () => writeFileSync(join(target, 'main.c'), 'code'),
    }).catch((reason: unknown) => reason);
    expect(error).to.have.property('message').that.contains('holds "main.c", which is no result');
    expect(readdirSync(outside)).to.deep.equal(['build_results']);
    expect(readFileSync(join(target, 'main.c'), 'utf8')).to.equal('code');
  });

  it('restores the old results when the new ones cannot replace them', async () => {
    mkdirSync(target);
    writeFileSync(join(target, 'failures.txt'), 'old');
    const archive = await tarGz([{ name: 'artifact_0_0/a', content: 'a' }]);
    const error: unknown = await unpackResults(Readable.from([archive]), target, {
      complete: async (directory) => rmSync(directory, { recursive: true }),
    }).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(ClusterRunnerError);
    expect(readdirSync(outside)).to.deep.equal(['build_results']);
    expect(readFileSync(join(target, 'failures.txt'), 'utf8')).to.equal('old');
  });

  it('replaces the target of a link, and keeps the link', async () => {
    const far = join(outside, 'far');
    mkdirSync(far);
    symlinkSync(far, target);
    const archive = await tarGz([{ name: 'artifact_0_0/a', content: 'a' }]);
    await unpackResults(Readable.from([archive]), target);
    expect(lstatSync(target).isSymbolicLink()).to.equal(true);
    expect(resultsIn(far)).to.deep.equal(['artifact_0_0']);
  });

  it('reads an archive that is made of several gzip members', async () => {
    const first = await tarGz([{ name: 'artifact_0_0/a', content: 'a' }]);
    const withoutEnd = gzipSync(Buffer.from(gunzipSync(first).subarray(0, -1024)));
    const second = await tarGz([{ name: 'artifact_1_1/b', content: 'b' }]);
    await unpackResults(Readable.from([withoutEnd, second]), target);
    expect(resultsIn(target).sort()).to.deep.equal(['artifact_0_0', 'artifact_1_1']);
  });

  it('makes an empty folder for an archive without files', async () => {
    mkdirSync(target);
    writeFileSync(join(target, 'failures.txt'), 'old');
    await unpackResults(Readable.from([await tarGz([])]), target);
    expect(resultsIn(target)).to.deep.equal([]);
  });

  it('keeps the old results when the archive is truncated before its first file', async () => {
    mkdirSync(target);
    writeFileSync(join(target, 'failures.txt'), 'old');
    const cut = gzipSync(gunzipSync(await tarGz([])).subarray(0, 512));
    const error = await unpackResults(Readable.from([cut]), target).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).to.be.an('error');
    expect(resultsIn(target)).to.deep.equal(['failures.txt']);
  });

  it('keeps the old results when the download breaks', async () => {
    mkdirSync(target);
    writeFileSync(join(target, 'failures.txt'), 'old');
    const archive = await tarGz([{ name: 'artifact_0_0/a', content: 'x'.repeat(10_000) }]);
    const failure: unknown = await unpackResults(Readable.from([archive.subarray(0, 60)]), target).catch(
      (error: unknown) => error,
    );
    expect(failure).to.be.instanceOf(Error);
    expect(readFileSync(join(target, 'failures.txt'), 'utf8')).to.equal('old');
    expect(readdirSync(outside)).to.deep.equal(['build_results']);
  });

  it('writes nothing outside, whatever the archive names', async () => {
    const archive = await tarGz([
      { name: '../escaped', content: 'x' },
      { name: 'artifact_0_0/../../escaped', content: 'x' },
      { name: join(outside, 'escaped'), content: 'x' },
      { name: 'somewhere/else', content: 'x' },
      { name: 'artifact_0_0/up', type: 'symlink', linkname: '../..' },
      { name: 'artifact_0_0/root', type: 'symlink', linkname: '/etc/passwd' },
      { name: 'artifact_0_0/up/escaped', content: 'x' },
      { name: 'artifact_0_0/hard', type: 'link', linkname: '/etc/passwd' },
      { name: 'artifact_0_0/pipe', type: 'fifo' },
      { name: 'artifact_0_0/fine', content: 'fine' },
      { name: 'artifact_0_0/link', type: 'symlink', linkname: 'fine' },
    ]);
    await unpackResults(Readable.from([archive]), target);
    expect(readdirSync(outside)).to.deep.equal(['build_results']);
    expect(resultsIn(target)).to.deep.equal(['artifact_0_0']);
    expect(readdirSync(join(target, 'artifact_0_0')).sort()).to.deep.equal(['fine', 'link', 'up']);
    expect(lstatSync(join(target, 'artifact_0_0/up')).isDirectory()).to.equal(true);
  });

  it('refuses too long extended headers, which would be held in memory, and keeps the old results', async () => {
    mkdirSync(target);
    writeFileSync(join(target, 'failures.txt'), 'old');
    const archive = await tarGz([
      { name: 'artifact_0_0/first', content: 'x' },
      { name: 'artifact_0_0/short', content: 'x', pax: { path: `artifact_0_0/${'long'.repeat(300_000)}` } },
    ]);
    const failure: unknown = await unpackResults(Readable.from([archive]), target).catch(
      (error: unknown) => error,
    );
    expect(failure).to.be.an('error').with.property('message').that.contains('an extended header of 12000');
    expect(resultsIn(target)).to.deep.equal(['failures.txt']);
    expect(readdirSync(outside)).to.deep.equal(['build_results']);
  });

  it('skips entries that would lead out, and counts them', async () => {
    const archive = await tarGz([
      { name: 'artifact_0_0/a\\..\\b', content: 'x' },
      { name: 'artifact_0_0/up', type: 'symlink', linkname: '../..' },
      { name: 'artifact_0_0/fine', content: 'fine' },
      { name: `artifact_0_0/${'d/'.repeat(1500)}deep`, content: 'deep' },
    ]);
    const unpacked = await unpackResults(Readable.from([archive]), target);
    expect(unpacked).to.deep.equal({ refused: 2, leftOut: null, left: null });
    expect(readdirSync(join(target, 'artifact_0_0')).sort()).to.deep.equal(['d', 'fine']);
  });

  it('creates links last, so that nothing is written through one', async () => {
    const archive = await tarGz([
      { name: 'artifact_0_0/link', type: 'symlink', linkname: 'kept' },
      { name: 'artifact_0_0/kept/file', content: 'kept' },
      { name: 'artifact_0_0/link/file', content: 'through it' },
      { name: 'artifact_0_0/to', type: 'symlink', linkname: 'kept' },
      { name: 'artifact_0_0/to/up', type: 'symlink', linkname: '../kept' },
      { name: 'artifact_0_0/before', type: 'symlink', linkname: 'later' },
      { name: 'artifact_0_0/later', content: 'later' },
    ]);
    expect(await unpackResults(Readable.from([archive]), target)).to.deep.equal({
      refused: 0,
      leftOut:
        '2 entries of the results could not be made here and are left out: "artifact_0_0/link" (something else has its name here); "artifact_0_0/to/up" (it is below a link).',
      left: null,
    });
    const inFolder = (path: string) => join(target, 'artifact_0_0', path);
    expect(readdirSync(inFolder('kept'))).to.deep.equal(['file']);
    expect(readFileSync(inFolder('kept/file'), 'utf8')).to.equal('kept');
    expect(lstatSync(inFolder('link')).isDirectory()).to.equal(true);
    expect(readFileSync(inFolder('before'), 'utf8')).to.equal('later');
    expect(lstatSync(inFolder('before')).isSymbolicLink()).to.equal(true);
  });

  it('keeps permissions, and adds those that the owner needs in folders', async () => {
    const archive = await tarGz([
      { name: 'artifact_0_0/closed/', type: 'directory', mode: 0o555 },
      { name: 'artifact_0_0/closed/run', content: '#!/bin/sh', mode: 0o755 },
      { name: 'artifact_0_0/closed/data', content: 'x', mode: 0o400 },
    ]);
    await unpackResults(Readable.from([archive]), target);
    const mode = (path: string) => lstatSync(join(target, 'artifact_0_0/closed', path)).mode & 0o700;
    expect([mode('.'), mode('run'), mode('data')]).to.deep.equal([0o700, 0o700, 0o400]);
  });

  it('keeps the old results when it is interrupted, or cannot be completed', async () => {
    mkdirSync(target);
    writeFileSync(join(target, 'junit.xml'), 'old');
    const archive = await tarGz([{ name: 'artifact_0_0/a', content: 'a' }]);
    const interrupt = new AbortController();
    const interrupted = () =>
      unpackResults(Readable.from([archive]), target, {
        signal: interrupt.signal,
        complete: async () => interrupt.abort(new Error('Ctrl-C')),
      });
    const incomplete = () =>
      unpackResults(Readable.from([archive]), target, {
        complete: async () => {
          throw new Error('no report');
        },
      });
    for (const failing of [interrupted, incomplete]) {
      const error: unknown = await failing().catch((reason: unknown) => reason);
      expect(error)
        .to.have.property('message')
        .that.matches(/Ctrl-C|no report/);
      expect(readdirSync(outside)).to.deep.equal(['build_results']);
      expect(readFileSync(join(target, 'junit.xml'), 'utf8')).to.equal('old');
    }
  });

  it('leaves out and names files whose paths are too long here, and unpacks the others', async () => {
    const long = `${'n'.repeat(100)}/`;
    const archive = await tarGz([
      { name: `artifact_0_0/${long.repeat(39)}n`, content: 'x' },
      { name: `artifact_0_0/${long.repeat(39)}d/`, type: 'directory' },
      { name: `artifact_0_0/${long.repeat(39)}l`, type: 'symlink', linkname: 'n' },
      { name: 'artifact_0_0/fine', content: 'fine' },
    ]);
    const place = join(outside, 'p'.repeat(200), 'build_results');
    mkdirSync(join(place, '..'));
    // As `build` does, which unpacks in another folder first.
    const { leftOut } = await unpackResults(Readable.from([archive]), place, {
      fresh: join(outside, 'fresh'),
    });
    expect(leftOut).to.match(
      /^3 entries of the results could not be made here .*"artifact_0_0\/nnn.*too long here/,
    );
    expect(readdirSync(join(place, 'artifact_0_0'))).to.deep.equal(['fine']);
  });

  it('leaves out files whose names collide with others, and unpacks the others', async () => {
    const archive = await tarGz([
      { name: 'artifact_0_0/a', content: 'first' },
      { name: 'artifact_0_0/a', content: 'second' },
      { name: 'artifact_0_0/a/b', content: 'below a file' },
      { name: 'artifact_0_0/a/c/', type: 'directory' },
      { name: 'artifact_0_0/d/e', content: 'x' },
      { name: 'artifact_0_0/d', content: 'in the place of a folder' },
      { name: `artifact_0_0/${'n'.repeat(300)}`, content: 'x' },
      { name: 'artifact_0_0/fine', content: 'fine' },
    ]);
    const { leftOut } = await unpackResults(Readable.from([archive]), target);
    expect(leftOut).to.match(/^5 entries/);
    expect(readdirSync(join(target, 'artifact_0_0')).sort()).to.deep.equal(['a', 'd', 'fine']);
    expect(readFileSync(join(target, 'artifact_0_0/a'), 'utf8')).to.equal('first');
  });

  it('makes files readable for their owner, whatever permissions they had', async () => {
    await unpackResults(
      Readable.from([await tarGz([{ name: 'artifact_0_0/a', content: 'a', mode: 0o020 }])]),
      target,
    );
    expect(lstatSync(join(target, 'artifact_0_0/a')).mode & 0o700).to.equal(0o400);
  });

  it('removes what a killed command has left, and restores old results that it had moved', async () => {
    const archive = await tarGz([{ name: 'artifact_0_0/a', content: 'new' }]);
    const killed = () => {
      const script = `
        import { Readable } from 'node:stream';
        import { unpackResults } from ${JSON.stringify(new URL('../../../../../src/cli/build/results/unpack-results.js', import.meta.url).href)};
        await unpackResults(Readable.from([Buffer.from(${JSON.stringify(archive.toString('base64'))}, 'base64')]), ${JSON.stringify(target)}, {
          complete: async () => process.kill(process.pid, 'SIGKILL') && new Promise(() => undefined),
        });`;
      spawnSync(process.execPath, ['--input-type=module', '-e', script]);
    };
    killed();
    const [left = ''] = readdirSync(outside);
    expect(left).to.match(/^\.build_results\..*\.new$/);
    mkdirSync(join(outside, `${left}.old/artifact_0_0`), { recursive: true });
    const broken = unpackResults(Readable.from([archive.subarray(0, 20)]), target);
    expect(await failureOf(broken)).to.be.instanceOf(ClusterRunnerError);
    expect(readdirSync(outside)).to.deep.equal(['build_results']);
    expect(resultsIn(target)).to.deep.equal(['artifact_0_0']);
  });
});
