import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { createGunzip, gunzipSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { extract, pack } from 'tar-stream';
import {
  type ConcatenatedArchive,
  concatenateArchives,
} from '../../../../src/master/archives/concatenate-archives.js';

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

/** The entries that a tar program finds in the archive. */
async function unpack(archive: Buffer): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const reader = extract();
  Readable.from([archive]).pipe(createGunzip()).pipe(reader);
  for await (const entry of reader) {
    found[entry.header.name] = await text(entry);
  }
  return found;
}

const whole = (stitched: ConcatenatedArchive) => buffer(stitched.read(0, stitched.bytes));

describe('concatenateArchives', () => {
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
    const stitched = await concatenateArchives({ files, failedFolders });
    const archive = await whole(stitched);
    expect(archive.length).to.equal(stitched.bytes);
    expect(Object.entries(await unpack(archive))).to.deep.equal([
      ['artifact_0_0/out', 'zero'],
      ['artifact_1_1/out', 'one'],
      ['artifact_1_2/out', 'two'],
      ['failures.txt', 'artifact_0_0\nartifact_1_2\n'],
    ]);
  });

  it('ends the tar with its end-of-archive mark, also when nothing failed and there are no archives', async () => {
    const tar = gunzipSync(await whole(await concatenateArchives({ files: [], failedFolders: [] })));
    expect(tar).to.deep.equal(Buffer.alloc(END_OF_TAR));
  });

  it('gives the same bytes each time', async () => {
    const contents = { files: [keep('0', await subjobFile({ a: 'x' }))], failedFolders: ['artifact_0_0'] };
    const first = await whole(await concatenateArchives(contents));
    const second = await whole(await concatenateArchives(contents));
    expect(first.equals(second)).to.equal(true);
  });

  it('fails before it returns a stream when an archive is missing', async () => {
    const failure: unknown = await concatenateArchives({
      files: [join(directory, 'gone')],
      failedFolders: [],
    }).catch((error: unknown) => error);
    expect(failure).to.have.property('code', 'RESULT_UNREADABLE');
  });

  it('reads any range without the rest', async () => {
    const files = [
      keep('0', await subjobFile({ a: 'zero' })),
      keep('1', await subjobFile({ b: 'one' })),
      keep('2', Buffer.alloc(0)),
    ];
    const stitched = await concatenateArchives({ files, failedFolders: ['artifact_0_0'] });
    const all = await whole(stitched);
    const bound = fc.integer({ min: 0, max: stitched.bytes });
    await fc.assert(
      fc.asyncProperty(bound, bound, async (one, other) => {
        const [start, end] = [Math.min(one, other), Math.max(one, other)];
        const part = await buffer(stitched.read(start, end));
        expect(part.equals(all.subarray(start, end)), `${start} to ${end}`).to.equal(true);
      }),
    );
  });

  it('breaks off when an archive has become shorter than announced', async () => {
    const file = keep('0', await subjobFile({ a: 'x' }));
    const stitched = await concatenateArchives({ files: [file], failedFolders: [] });
    truncateSync(file, 10);
    const failure: unknown = await whole(stitched).catch((error: unknown) => error);
    expect(failure)
      .to.be.instanceOf(Error)
      .with.property('message')
      .that.matches(/had \d+ bytes/);
  });
});
