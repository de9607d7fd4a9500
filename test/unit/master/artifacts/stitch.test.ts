import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { createGunzip, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { extract, pack } from 'tar-stream';
import { stitchTar } from '../../../../src/master/artifacts/stitch.js';

const END_OF_TAR = 1024;

/** A subjob's file: one gzip member, its tar without the zero blocks at its end. */
async function subjobFile(entries: Record<string, string>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(entries)) {
    tar.entry({ name }, content);
  }
  tar.finalize();
  const whole = await buffer(tar);
  return gzipSync(whole.subarray(0, whole.length - END_OF_TAR));
}

/** What any tar program finds in the archive. */
async function unpack(archive: Buffer): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const reader = extract();
  Readable.from([archive]).pipe(createGunzip()).pipe(reader);
  for await (const entry of reader) {
    found[entry.header.name] = await text(entry);
  }
  return found;
}

describe('stitchTar', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'clusterrunner-stitch-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function keep(name: string, content: Buffer): string {
    const file = join(directory, name);
    writeFileSync(file, content);
    return file;
  }

  it('makes one archive of the files, with the list of failures last', async () => {
    const files = [
      keep('0', await subjobFile({ 'artifact_0_0/out': 'zero' })),
      keep('1', await subjobFile({ 'artifact_1_1/out': 'one', 'artifact_1_2/out': 'two' })),
    ];
    const failedFolders = ['artifact_0_0', 'artifact_1_2'];
    const { stream, bytes } = await stitchTar({ files, failedFolders });
    const archive = await buffer(stream);
    expect(archive.length).to.equal(bytes);
    expect(Object.entries(await unpack(archive))).to.deep.equal([
      ['artifact_0_0/out', 'zero'],
      ['artifact_1_1/out', 'one'],
      ['artifact_1_2/out', 'two'],
      ['failures.txt', 'artifact_0_0\nartifact_1_2\n'],
    ]);
  });

  it('ends the tar as the format wants it, also when nothing failed and nothing was there', async () => {
    const { stream } = await stitchTar({ files: [], failedFolders: [] });
    const tar = await buffer(stream.pipe(createGunzip()));
    expect(tar).to.deep.equal(Buffer.alloc(END_OF_TAR));
  });

  it('gives the same bytes each time', async () => {
    const contents = { files: [keep('0', await subjobFile({ a: 'x' }))], failedFolders: ['artifact_0_0'] };
    const first = await buffer((await stitchTar(contents)).stream);
    const second = await buffer((await stitchTar(contents)).stream);
    expect(first.equals(second)).to.equal(true);
  });

  it('fails before it gives a stream when a file is not there', async () => {
    const failure: unknown = await stitchTar({ files: [join(directory, 'gone')], failedFolders: [] }).catch(
      (error: unknown) => error,
    );
    expect(failure).to.have.property('code', 'ENOENT');
  });

  it('breaks off rather than send another length than it announced', async () => {
    const file = keep('0', await subjobFile({ a: 'x' }));
    const { stream } = await stitchTar({ files: [file], failedFolders: [] });
    appendFileSync(file, 'more');
    const failure: unknown = await buffer(stream).catch((error: unknown) => error);
    expect(failure)
      .to.be.instanceOf(Error)
      .with.property('message')
      .that.matches(/had \d+ bytes/);
  });
});
