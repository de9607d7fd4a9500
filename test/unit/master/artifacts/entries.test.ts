import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
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
