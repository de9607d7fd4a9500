import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { pino } from 'pino';
import { ZipCache } from '../../../../src/master/archives/zip-cache.js';
import type { ArchiveContents } from '../../../../src/master/state/master-api.js';
import { toId } from '../../../../src/protocol/ids.js';
import { isInstalled } from '../../../support/is-installed.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { subjobArchive } from '../../../support/subjob-archive.js';

/** Size of the zips of `resultsOf`, with 1,000 hexadecimal digits. */
const ROOM_FOR_TWO = 1700;

describe('the zips of builds', () => {
  let root: string;
  let clock: ManualClock;
  let diskProblem: string | null;
  const started: ZipCache[] = [];
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'zips-'));
    clock = new ManualClock();
    diskProblem = null;
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((zips) => zips.close()));
    rmSync(root, { recursive: true });
  });

  function start(maxBytes = 1024 ** 2): ZipCache {
    const zips = new ZipCache({
      directory: join(root, 'zips'),
      clock,
      log: pino({ level: 'silent' }),
      maxBytes,
      diskProblem: () => diskProblem,
    });
    started.push(zips);
    return zips;
  }

  const files = () => readdirSync(join(root, 'zips'));

  /** The results of a build with one incompressible file of so many bytes. */
  async function resultsOf(build: number, bytes = 1000): Promise<ArchiveContents> {
    const file = join(root, `${build}.tar.gz`);
    const content = randomBytes(bytes / 2).toString('hex');
    writeFileSync(file, await subjobArchive({ 'artifact_0_0/file': content }));
    return { files: [file], failedFolders: [] };
  }

  async function read(zips: ZipCache, build: number, contents: ArchiveContents): Promise<Buffer | null> {
    const zip = await zips.open(toId.build(build), contents);
    if (zip === null) {
      return null;
    }
    const bytes = await buffer(zip.file.createReadStream());
    expect(bytes).to.have.length(zip.bytes);
    return bytes;
  }

  it('are made once for all requests, also across a restart', async () => {
    const contents = await resultsOf(1);
    const zips = start();
    const [first, second] = await Promise.all([read(zips, 1, contents), read(zips, 1, contents)]);
    expect(first).to.deep.equal(second);
    expect(files()).to.have.length(1);
    rmSync(contents.files[0] ?? '');
    expect(await read(start(), 1, contents)).to.deep.equal(first);
  });

  it('have the same tag when they are made again of the same results', async () => {
    const contents = await resultsOf(1);
    const zips = start();
    const tagOf = async () => {
      const zip = await zips.open(toId.build(1), contents);
      await zip?.file.close();
      return zip?.tag;
    };
    const tag = await tagOf();
    await zips.forgetBuild(1);
    expect(files()).to.deep.equal([]);
    expect(await tagOf())
      .to.equal(tag)
      .and.to.be.a('string');
  });

  it('are removed when there are too many, the least recently used first, while open ones stay readable', async () => {
    const zips = start(ROOM_FOR_TWO);
    const [one, two, three] = [await resultsOf(1), await resultsOf(2), await resultsOf(3)];
    const opened = await zips.open(toId.build(1), one);
    clock.advance(1);
    await read(zips, 2, two);
    clock.advance(1);
    await read(zips, 1, one);
    clock.advance(1);
    await read(zips, 3, three);
    expect(zips.builds()).to.deep.equal([1, 3]);
    await zips.forgetBuild(1);
    expect(zips.builds()).to.deep.equal([3]);
    expect(files()).to.have.length(1);
    const bytes = opened === null ? null : await buffer(opened.file.createReadStream());
    expect(bytes).to.have.length(opened?.bytes ?? -1);
  });

  it('are not kept when they are too large, when the limit is 0, or when the disk is full', async () => {
    const contents = await resultsOf(1, 100_000);
    expect(await read(start(10_000), 1, contents)).to.equal(null);
    expect(await read(start(0), 1, contents)).to.equal(null);
    diskProblem = 'full';
    const zips = start();
    expect(await read(zips, 1, contents)).to.equal(null);
    expect(files()).to.deep.equal([]);
    diskProblem = null;
    expect(await read(zips, 1, contents)).to.be.instanceOf(Buffer);
  });

  it('leave no partial file, neither when results cannot be read nor when the master is killed', async () => {
    const contents = await resultsOf(1);
    rmSync(contents.files[0] ?? '');
    const zips = start();
    expect(await read(zips, 1, contents)).to.equal(null);
    expect(files()).to.deep.equal([]);
    writeFileSync(join(root, 'zips', 'x.incoming'), 'half');
    start();
    expect(files()).to.deep.equal([]);
  });

  it('are aborted in the making when the build is deleted or the master stops', async () => {
    const contents = await resultsOf(1, 8 * 1024 ** 2);
    for (const giveUp of [(zips: ZipCache) => zips.forgetBuild(1), (zips: ZipCache) => zips.close()]) {
      const zips = start(64 * 1024 ** 2);
      const opened = zips.open(toId.build(1), contents);
      await giveUp(zips);
      expect(await opened).to.equal(null);
      expect(files()).to.deep.equal([]);
    }
  });

  it('count from when they were written after a restart', async () => {
    const [one, two] = [await resultsOf(1), await resultsOf(2)];
    const before = start();
    await read(before, 1, one);
    await read(before, 2, two);
    const written = files().find((name) => name.startsWith('2.')) ?? '';
    utimesSync(join(root, 'zips', written), 1, 1);
    const zips = start(ROOM_FOR_TWO);
    await read(zips, 3, await resultsOf(3));
    expect(zips.builds().sort()).to.deep.equal([1, 3]);
  });

  it('can be opened by Python', async function () {
    if (!isInstalled('python3')) {
      this.skip();
    }
    const zips = start();
    await read(zips, 1, await resultsOf(1));
    const code = 'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(z.testzip(), z.namelist())';
    const [name = ''] = files();
    expect(execFileSync('python3', ['-c', code, join(root, 'zips', name)]).toString()).to.equal(
      "None ['artifact_0_0/file']\n",
    );
  });
});
