import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { listFolder, openFile } from '../../../../src/master/archives/archive-reader.js';
import { subjobArchive } from '../../../support/subjob-archive.js';

const staying = new AbortController().signal;

describe("the files of a subjob's archive", () => {
  let directory: string;
  let archive: string;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'entries-'));
    archive = join(directory, '3.tar.gz');
    writeFileSync(
      archive,
      await subjobArchive({
        'artifact_3_7/console': 'one\n',
        'artifact_3_7/reports/a b.txt': 'report',
        'artifact_3_7/large': 'x'.repeat(300_000),
        'artifact_3_70/console': 'another atom\n',
      }),
    );
  });
  after(() => rmSync(directory, { recursive: true }));

  it('are listed in pages, only those of one folder', async () => {
    const { files, total } = await listFolder(archive, 'artifact_3_7', { offset: 1, limit: 1 }, staying);
    expect(files).to.deep.equal([{ path: 'reports/a b.txt', bytes: 6, link: null }]);
    expect(total).to.equal(3);
  });

  it('are read one by one, completely', async () => {
    for (const [name, content] of [
      ['artifact_3_7/reports/a b.txt', 'report'],
      ['artifact_3_7/large', 'x'.repeat(300_000)],
      ['artifact_3_70/console', 'another atom\n'],
    ] as const) {
      const file = await openFile(archive, name, staying);
      expect(file?.bytes, name).to.equal(content.length);
      expect(file === null ? null : await text(file.content), name).to.equal(content);
    }
  });

  it('can be closed in the middle', async () => {
    const file = await openFile(archive, 'artifact_3_7/large', staying);
    for await (const _ of file?.content ?? []) {
      break;
    }
    expect(file?.content.destroyed).to.equal(true);
  });

  it('are not searched further when the client is gone', async () => {
    const bomb = join(directory, '4.tar.gz');
    writeFileSync(
      bomb,
      await subjobArchive({ 'artifact_4_0/zeros': '0'.repeat(50_000_000), 'artifact_4_0/b': '' }),
    );
    for (const read of [
      (gone: AbortSignal) => listFolder(bomb, 'artifact_4_0', { offset: 0, limit: 1 }, gone),
      (gone: AbortSignal) => openFile(bomb, 'artifact_4_0/b', gone),
    ]) {
      const gone = new AbortController();
      const reading = read(gone.signal).catch((error: unknown) => error);
      setImmediate(() => gone.abort(new Error('hung up')));
      expect(await reading).to.have.property('message', 'hung up');
    }
  });

  it('are reported as unreadable when the archive is damaged or missing', async () => {
    const whole = readFileSync(archive);
    const damaged: Readonly<Record<string, Buffer>> = {
      'cut off': whole.subarray(0, whole.length / 2),
      'no gzip': Buffer.from('no gzip'),
      'no tar': gzipSync('no tar'.repeat(1000)),
      changed: Buffer.concat([whole.subarray(0, 300), Buffer.alloc(50, 7), whole.subarray(350)]),
    };
    const files = Object.entries(damaged).map(([what, bytes]) => {
      const file = join(directory, what);
      writeFileSync(file, bytes);
      return file;
    });
    for (const file of [...files, join(directory, 'gone')]) {
      for (const reading of [
        listFolder(file, 'artifact_3_70', { offset: 0, limit: 10 }, staying),
        openFile(file, 'artifact_3_70/console', staying),
      ]) {
        const outcome = await reading.catch((error: unknown) => error);
        expect(outcome, file).to.have.property('code', 'RESULT_UNREADABLE');
      }
    }
  });

  it('are found by their exact names only', async () => {
    for (const name of [
      'artifact_3_7',
      'artifact_3_7/reports',
      'artifact_3_7/../artifact_3_70/console',
      '',
    ]) {
      expect(await openFile(archive, name, staying), name).to.equal(null);
    }
  });
});
