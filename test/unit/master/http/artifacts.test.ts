import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { pino } from 'pino';
import { deferred } from '../../../../src/lib/async/deferred.js';
import { systemClock } from '../../../../src/lib/clock.js';
import { ZipCache } from '../../../../src/master/archives/zip-cache.js';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';
import { isInstalled } from '../../../support/is-installed.js';
import { request } from '../../../support/raw-request.js';
import { subjobArchive } from '../../../support/subjob-archive.js';
import { until } from '../../../support/until.js';

/** Asynchronous, since the master is in this process. */
const execute = promisify(execFile);
const directory = { type: 'directory', project_directory: '/p', job_name: 'Simple' } as const;

/** Every file below a folder with its content. */
function filesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  const files = names.filter((name) => statSync(join(folder, name)).isFile());
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

describe('the results of a build', () => {
  let master: FakeMaster;
  beforeEach(async () => {
    master = await startFakeMaster();
    await master.client.createBuild(directory);
  });
  afterEach(() => master.close());

  async function endBuild(): Promise<void> {
    const { build_id } = await master.client.createBuild(directory);
    const entries: Record<string, string>[] = [
      { 'artifact_0_0/clusterrunner_exit_code': '0\n', 'artifact_0_0/ümläut': 'ä'.repeat(100_000) },
      { 'artifact_1_1/clusterrunner_exit_code': '1\n', 'artifact_1_1/empty': '' },
    ];
    const files: string[] = [];
    for (const [index, entry] of entries.entries()) {
      const file = join(master.directory, `subjob-${index}`);
      writeFileSync(file, await subjobArchive(entry));
      files.push(file);
    }
    master.service.archives.set(build_id, { files, failedFolders: ['artifact_1_1'] });
  }

  async function download(path: string, file: string): Promise<string> {
    const response = await fetch(master.url + path);
    expect(response.status, path).to.equal(200);
    const where = join(master.directory, file);
    writeFileSync(where, Buffer.from(await response.arrayBuffer()));
    return where;
  }

  it('are reported as not ready while it runs', async () => {
    for (const what of ['result', 'artifacts.tar.gz', 'artifacts.zip']) {
      const response = await request(master, 'GET', `/v1/build/1/${what}`);
      expect(response.status, what).to.equal(202);
      expect(response.body).to.include({ STATUS: 'SUCCESS' });
      expect(response.body.error).to.match(/Build 1 still runs/);
      expect((await request(master, 'HEAD', `/v1/build/1/${what}`)).status).to.equal(202);
      const missing = await request(master, 'GET', `/v1/build/9/${what}`);
      expect(missing.status).to.equal(404);
      expect(missing.body.error).to.match(/no build 9/);
    }
  });

  it('are where the redirect of …/result points', async () => {
    await endBuild();
    const response = await request(master, 'GET', '/v1/build/2/result');
    expect(response.status).to.equal(302);
    expect(response.headers.get('location')).to.equal('/v1/build/2/artifacts.tar.gz');
    expect(response.body).to.include({ STATUS: 'SUCCESS', location: '/v1/build/2/artifacts.tar.gz' });
    const followed = await fetch(`${master.url}/build/2/result/`);
    expect(followed.headers.get('content-type')).to.equal('application/gzip');
    expect((await followed.arrayBuffer()).byteLength).to.equal(
      Number(followed.headers.get('content-length')),
    );
  });

  it('are the same in the zip as in the tar, for common programs', async function () {
    const unzip = isInstalled('unzip') ? ['unzip', '-q'] : null;
    const python = isInstalled('python3') ? ['python3', '-m', 'zipfile', '-e'] : null;
    if (unzip === null && python === null) {
      this.skip();
    }
    await endBuild();
    const head = await request(master, 'HEAD', '/v1/build/2/artifacts.zip');
    expect(head.headers.get('content-type')).to.equal('application/zip');
    expect(head.headers.get('content-disposition')).to.equal('attachment; filename="build-2-artifacts.zip"');

    const zip = await download('/v1/build/2/artifacts.zip', 'a.zip');
    const tar = await download('/v1/build/2/artifacts.tar.gz', 'a.tar.gz');
    const folders = ['tar', 'unzip', 'python'].map((name) => join(master.directory, name));
    for (const folder of folders) {
      mkdirSync(folder);
    }
    const [ofTar = '', ofUnzip = '', ofPython = ''] = folders;
    execFileSync('tar', ['-xzf', tar, '-C', ofTar]);
    const expected = filesOf(ofTar);
    expect(Object.keys(expected)).to.have.lengthOf(5);
    expect(expected['failures.txt']).to.equal('artifact_1_1\n');
    if (unzip !== null) {
      execFileSync('unzip', ['-q', zip, '-d', ofUnzip], { env: { ...process.env, LC_ALL: 'C.UTF-8' } });
      expect(filesOf(ofUnzip)).to.deep.equal(expected);
    }
    if (python !== null) {
      execFileSync('python3', ['-m', 'zipfile', '-e', zip, ofPython]);
      expect(filesOf(ofPython)).to.deep.equal(expected);
    }
  });

  it('can be resumed in the middle of the zip, as with `curl -C -`', async function () {
    if (!isInstalled('curl') || !isInstalled('python3')) {
      this.skip();
    }
    await endBuild();
    master.service.zips = new ZipCache({
      directory: join(master.directory, 'zips'),
      clock: systemClock,
      log: pino({ level: 'silent' }),
      maxBytes: 1024 ** 2,
      diskProblem: () => null,
    });
    const url = `${master.url}/v1/build/2/artifacts.zip`;
    const whole = await fetch(url);
    const bytes = Buffer.from(await whole.arrayBuffer());
    expect(whole.headers.get('content-length')).to.equal(String(bytes.length));
    expect(whole.headers.get('accept-ranges')).to.equal('bytes');
    const file = join(master.directory, 'half.zip');
    writeFileSync(file, bytes.subarray(0, 100));
    await execute('curl', ['-sSf', '-C', '-', '-o', file, url]);
    expect(readFileSync(file)).to.deep.equal(bytes);
    execFileSync('python3', ['-m', 'zipfile', '-t', file]);

    const tag = whole.headers.get('etag') ?? '';
    const part = await fetch(url, { headers: { range: 'bytes=-22', 'if-range': tag } });
    expect(part.status).to.equal(206);
    expect(part.headers.get('content-range')).to.equal(
      `bytes ${bytes.length - 22}-${bytes.length - 1}/${bytes.length}`,
    );
    expect(Buffer.from(await part.arrayBuffer())).to.deep.equal(bytes.subarray(-22));
    const other = await fetch(url, { headers: { range: 'bytes=5-', 'if-range': '"other"' } });
    expect([other.status, (await other.arrayBuffer()).byteLength]).to.deep.equal([200, bytes.length]);
    const beyond = await fetch(url, { headers: { range: `bytes=${bytes.length}-` } });
    expect(beyond.status).to.equal(416);
    expect(await beyond.json()).to.include({ code: 'RANGE_NOT_SATISFIABLE' });
  });

  it('are streamed as they arrive while it runs, with until=end', async () => {
    const { build_id } = await master.client.createBuild(directory);
    const files = ['artifact_0_0', 'artifact_1_1'].map((folder) => join(master.directory, folder));
    for (const file of files) {
      writeFileSync(file, await subjobArchive({ [`${basename(file)}/file`]: basename(file) }));
    }
    const [first = '', second = ''] = files;
    const goOn = deferred<void>();
    master.service.arriving = async function* () {
      yield [second];
      // Nothing for a while.
      yield [];
      await goOn.promise;
      master.service.archives.set(build_id, { files, failedFolders: ['artifact_1_1'] });
      yield [first];
    };
    const { stream } = await master.client.followArtifacts(build_id);
    const tar = join(master.directory, 'arriving.tar.gz');
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    await until(() => Buffer.concat(chunks).length >= statSync(second).size);
    goOn.resolve();
    await once(stream, 'end');
    writeFileSync(tar, Buffer.concat(chunks));
    expect(execFileSync('tar', ['-tzf', tar], { encoding: 'utf8' }).trim().split('\n')).to.deep.equal([
      'artifact_1_1/file',
      'artifact_0_0/file',
      'failures.txt',
    ]);
    const ended = await fetch(`${master.url}/v1/build/${build_id}/artifacts.tar.gz?until=end`);
    expect(ended.headers.get('content-length')).to.equal(String((await ended.arrayBuffer()).byteLength));
  });

  it('break off without a warning in the log when the master stops during a download with until=end', async () => {
    const { build_id } = await master.client.createBuild(directory);
    const { stream } = await master.client.followArtifacts(build_id);
    const outcome = buffer(stream).catch((error: unknown) => error);
    await master.stop();
    expect(await outcome).to.be.instanceOf(Error);
    expect(master.logged.filter(({ level }) => Number(level) >= 40)).to.deep.equal([]);
  });

  it('are zipped one folder at a time, and one part of a folder', async function () {
    if (!isInstalled('python3')) {
      this.skip();
    }
    const { build_id } = await master.client.createBuild(directory);
    const file = join(master.directory, '0.tar.gz');
    const names = [
      'artifact_0_0/a',
      'artifact_0_0/sub/b',
      'artifact_0_0/sub/deep/c',
      'artifact_0_0/sub2/d',
      'artifact_0_01/e',
    ];
    writeFileSync(file, await subjobArchive(Object.fromEntries(names.map((name) => [name, name]))));
    master.service.archives.set(build_id, { files: [file], failedFolders: ['artifact_0_0'] });
    const namesIn = async (query: string): Promise<string[]> => {
      const zip = await download(`/v1/build/${build_id}/artifacts.zip?${query}`, 'part.zip');
      const code = 'import sys, zipfile; print("\\n".join(zipfile.ZipFile(sys.argv[1]).namelist()))';
      return execFileSync('python3', ['-c', code, zip], { encoding: 'utf8' }).trim().split('\n');
    };
    expect(await namesIn('folder=artifact_0_0')).to.deep.equal(names.slice(0, 4));
    expect(await namesIn('folder=artifact_0_0&path=sub')).to.deep.equal(names.slice(1, 3));
    expect(await namesIn('folder=artifact_0_0&path=sub/deep/c')).to.deep.equal(names.slice(2, 3));
    const head = await request(
      master,
      'HEAD',
      `/v1/build/${build_id}/artifacts.zip?folder=artifact_0_0&path=sub/deep`,
    );
    expect(head.headers.get('content-disposition')).to.equal(
      `attachment; filename="build-${build_id}-artifact_0_0-sub-deep.zip"`,
    );
    const lost = await request(master, 'GET', `/v1/build/${build_id}/artifacts.zip?path=sub`);
    expect([lost.status, lost.body.code]).to.deep.equal([400, 'INVALID_REQUEST']);
    const missing = await request(master, 'GET', `/v1/build/${build_id}/artifacts.zip?folder=artifact_7_0`);
    expect(missing.status).to.equal(404);
  });

  it('are shown as pictures, styles, pages or text, under a policy that lets nothing run', async () => {
    const { build_id } = await master.client.createBuild(directory);
    const types = {
      'report/index.html': 'text/html; charset=utf-8',
      'report/base.css': 'text/css; charset=utf-8',
      'report/app.js': 'text/plain; charset=utf-8',
      'shot.PNG': 'image/png',
      'shape.svg': 'image/svg+xml',
      'shape.svg.html.txt': 'text/plain; charset=utf-8',
      'x.constructor': 'text/plain; charset=utf-8',
      nothing: 'text/plain; charset=utf-8',
    };
    const file = join(master.directory, '0.tar.gz');
    const entries = Object.keys(types).map((name) => [`artifact_0_0/${name}`, name]);
    writeFileSync(file, await subjobArchive(Object.fromEntries(entries)));
    master.service.archives.set(build_id, { files: [file], failedFolders: [] });
    for (const [name, type] of Object.entries(types)) {
      const response = await fetch(`${master.url}/v1/build/${build_id}/show/artifact_0_0/${name}`);
      expect(await response.text()).to.equal(name);
      expect(response.headers.get('content-type'), name).to.equal(type);
      expect(response.headers.get('content-disposition'), name).to.equal(null);
      expect(response.headers.get('x-content-type-options')).to.equal('nosniff');
      const policy = response.headers.get('content-security-policy')?.split('; ') ?? [];
      expect(policy).to.include('sandbox').and.to.include("default-src 'none'");
      expect(policy.join(' ')).to.not.match(/script|allow-|unsafe-eval/);
    }
  });

  it('are never displayed as a page, since a file of a test could have scripts', async () => {
    const { build_id } = await master.client.createBuild(directory);
    const file = join(master.directory, '0.tar.gz');
    const page = '<script>document.title = "stolen"</script>';
    writeFileSync(file, await subjobArchive({ 'artifact_0_0/index.html': page }));
    master.service.archives.set(build_id, { files: [file], failedFolders: [] });
    const response = await fetch(`${master.url}/v1/build/${build_id}/artifact/artifact_0_0/index.html`);
    expect(await response.text()).to.equal(page);
    expect(response.headers.get('content-type')).to.equal('application/octet-stream');
    expect(response.headers.get('content-disposition')).to.match(/^attachment; /);
    expect(response.headers.get('x-content-type-options')).to.equal('nosniff');
    expect(response.headers.get('content-security-policy')).to.match(/^sandbox; default-src 'none';/);
  });
});
