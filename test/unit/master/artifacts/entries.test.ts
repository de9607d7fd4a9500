import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { listFolder, openFile } from '../../../../src/master/artifacts/entries.js';
import { subjobArchive } from '../../../support/subjob-archive.js';

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

  it('are listed by pages, those of one folder only', async () => {
    const { files, total } = await listFolder(archive, 'artifact_3_7', { offset: 1, limit: 1 });
    expect(files).to.deep.equal([{ path: 'reports/a b.txt', bytes: 6, link: null }]);
    expect(total).to.equal(3);
  });

  it('are read one by one, whole', async () => {
    for (const [name, content] of [
      ['artifact_3_7/reports/a b.txt', 'report'],
      ['artifact_3_7/large', 'x'.repeat(300_000)],
      ['artifact_3_70/console', 'another atom\n'],
    ] as const) {
      const file = await openFile(archive, name);
      expect(file?.bytes, name).to.equal(content.length);
      expect(file === null ? null : await text(file.content), name).to.equal(content);
    }
  });

  it('can be left in the middle', async () => {
    const file = await openFile(archive, 'artifact_3_7/large');
    for await (const _ of file?.content ?? []) {
      break;
    }
    expect(file?.content.destroyed).to.equal(true);
  });

  it('are said to be unreadable when it is damaged or gone', async () => {
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
        listFolder(file, 'artifact_3_70', { offset: 0, limit: 10 }),
        openFile(file, 'artifact_3_70/console'),
      ]) {
        const outcome = await reading.catch((error: unknown) => error);
        expect(outcome, file).to.have.property('code', 'RESULT_UNREADABLE');
      }
    }
  });

  it('are those names and no others', async () => {
    for (const name of [
      'artifact_3_7',
      'artifact_3_7/reports',
      'artifact_3_7/../artifact_3_70/console',
      '',
    ]) {
      expect(await openFile(archive, name), name).to.equal(null);
    }
  });
});
