import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import fc from 'fast-check';
import { type Header, pack } from 'tar-stream';
import { ArchiveKeeper, archiveBytes, archivePath } from '../../../../src/master/archives/archive-files.js';
import {
  listArtifacts,
  listFolder,
  openArtifact,
  openFile,
} from '../../../../src/master/archives/archive-reader.js';
import { entryListPath } from '../../../../src/master/archives/entry-list-format.js';
import { EntryListWriter } from '../../../../src/master/archives/entry-list-writer.js';
import { ArchiveValidator } from '../../../../src/master/archives/incoming/archive-validator.js';
import { receiveResult } from '../../../../src/master/archives/incoming/receive-archive.js';
import type { AddedFile } from '../../../../src/master/state/master-api.js';
import { toId } from '../../../../src/protocol/ids.js';
import { BLOCK_BYTES } from '../../../../src/protocol/results/result-index.js';
import { defaults } from '../../../support/settings.js';
import { blocksOf } from '../../../support/subjob-archive.js';

type Entry = Partial<Header> & { readonly name: string; readonly content?: Buffer | string };

const staying = new AbortController().signal;
const [build, subjob] = [toId.build(1), toId.subjob(3)];
const atoms = [5, 6].map((id) => ({ id: toId.atom(id), exit_code: 0, actual_time: 1 }));
const [folder, other] = ['artifact_3_5', 'artifact_3_6'];
/** More than one block, so that a list is kept. */
const large: Entry = { name: `${folder}/large`, content: randomBytes(BLOCK_BYTES + 300_000) };

describe('the list of the entries of an archive', () => {
  let directory: string;
  let incoming: string;
  let added: AddedFile[];
  beforeEach(() => {
    added = [];
    directory = mkdtempSync(join(tmpdir(), 'entry-list-'));
    incoming = mkdtempSync(join(tmpdir(), 'entry-list-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
    rmSync(incoming, { recursive: true });
  });

  /** Receives an archive as from a slave. */
  async function receive(...entries: readonly Entry[]): Promise<string> {
    const tar = pack();
    for (const { content, ...header } of entries) {
      tar.entry(header, content ?? '');
    }
    tar.finalize();
    const { content, index } = await blocksOf((await buffer(tar)).subarray(0, -1024));
    const keeper = new ArchiveKeeper();
    const path = archivePath(directory, build, subjob);
    const body = Buffer.concat([Buffer.from('head'), content]);
    await receiveResult({
      chunks: (async function* () {
        for (let at = 0; at < body.length; at += 60_000) {
          yield body.subarray(at, at + 60_000);
        }
      })(),
      headBytes: 4,
      temporaryDirectory: incoming,
      maxArchiveBytes: body.length,
      announcedBytes: null,
      requireSpace: () => undefined,
      readHead: () => null,
      membersOf: () => index.members,
      inspect: (_, list) => new ArchiveValidator(subjob, { atoms, index }, defaults, list),
      verify: (sha256) => expect(sha256).to.deep.equal(createHash('sha256').update(body).digest()),
      filesToAdd: async () => added,
      accept: (_, { temporaryPath, entryListPath: list }) => keeper.keep(temporaryPath, list, path),
    });
    expect(readdirSync(incoming)).to.deep.equal([]);
    return path;
  }

  const contentOf = async (file: Awaited<ReturnType<typeof openFile>>) =>
    file === null ? null : { bytes: file.bytes, content: await buffer(file.content) };

  it('shows the same files and links as the archive itself', async () => {
    const part = fc.oneof(
      fc.constantFrom('a', 'b\n', 'ü', '\u2028', '"'),
      fc.string({ minLength: 1, maxLength: 5 }),
    );
    const name = part.map((one) => Buffer.from(one.replace(/[/\0.]/g, '_')).toString());
    const entry = fc.record({
      name,
      kind: fc.constantFrom('file', 'symlink', 'directory'),
      bytes: fc.nat(400_000),
    });
    const trees = fc.uniqueArray(entry, { selector: ({ name: one }) => one.toLowerCase(), maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(trees, fc.nat(9), fc.integer({ min: 1, max: 9 }), async (tree, offset, limit) => {
        const below = (parent: string) =>
          tree.map(({ name: one, kind, bytes }): Entry => {
            const path = `${parent}/tree/${one}`;
            switch (kind) {
              case 'file':
                return { name: path, content: randomBytes(bytes) };
              case 'symlink':
                return { name: path, type: 'symlink', linkname: 'elsewhere' };
              default:
                return { name: `${path}/`, type: 'directory' };
            }
          });
        const archive = await receive(...below(folder), large, ...below(other));
        expect(existsSync(entryListPath(archive))).to.equal(true);
        for (const one of [folder, other, 'artifact_3_7']) {
          const page = await listArtifacts(archive, one, { offset, limit }, staying);
          expect(page).to.deep.equal(await listFolder(archive, one, { offset, limit }, staying));
          const { files } = await listArtifacts(archive, one, { offset: 0, limit: 100 }, staying);
          for (const path of [...files.map((file) => file.path), 'none', 'tree']) {
            const found = await contentOf(await openArtifact(archive, one, path, staying));
            expect(found, path).to.deep.equal(
              await contentOf(await openFile(archive, `${one}/${path}`, staying)),
            );
          }
        }
      }),
      { numRuns: 6 },
    );
  });

  it('shows any number of files that the master has added after the archive, as the archive itself does', async () => {
    const script = (parent: string, content: string): AddedFile => ({
      path: `${parent}/clusterrunner_command`,
      content,
      mode: 0o755,
      mtime: new Date(0),
    });
    for (const long of ['long', randomBytes(BLOCK_BYTES).toString('hex')]) {
      added = [script(folder, 'first'), script(other, long), script('artifact_3_7', 'last')];
      const archive = await receive({ name: `${folder}/a` }, large, { name: `${other}/b` });
      expect(existsSync(entryListPath(archive))).to.equal(true);
      for (const one of [folder, other, 'artifact_3_7']) {
        for (const offset of [0, 1, 2, 3, 4]) {
          for (const limit of [1, 2, 10]) {
            const page = await listArtifacts(archive, one, { offset, limit }, staying);
            expect(page).to.deep.equal(await listFolder(archive, one, { offset, limit }, staying));
          }
        }
      }
      const contents = await Promise.all(
        added.map(async ({ path }) => {
          const [parent = '', name = ''] = path.split('/');
          return (await contentOf(await openArtifact(archive, parent, name, staying)))?.content.toString();
        }),
      );
      expect(contents).to.deep.equal(['first', long, 'last']);
    }
  });

  it('returns any page of thousands of files', async () => {
    const names = Array.from({ length: 2_500 }, (_, at) => `file-${at}`);
    const archive = await receive(...names.map((name) => ({ name: `${folder}/${name}` })), large);
    for (const offset of [0, 999, 1000, 1001, 2_499, 2_500, 2_501, 9_999]) {
      const { files, total } = await listArtifacts(archive, folder, { offset, limit: 3 }, staying);
      expect(files.map(({ path }) => path)).to.deep.equal([...names, 'large'].slice(offset, offset + 3));
      expect(total).to.equal(2_501);
    }
  });

  it('reads only the blocks of the requested file from the archive', async () => {
    const archive = await receive(large, { name: `${other}/last`, content: 'the last file' });
    const bytes = readFileSync(archive);
    writeFileSync(archive, bytes.fill(7, 0, BLOCK_BYTES / 2));
    const { files } = await listArtifacts(archive, folder, { offset: 0, limit: 10 }, staying);
    expect(files).to.deep.equal([{ path: 'large', bytes: BLOCK_BYTES + 300_000, link: null }]);
    const last = await contentOf(await openArtifact(archive, other, 'last', staying));
    expect(last?.content.toString()).to.equal('the last file');
    const damaged = await openArtifact(archive, folder, 'large', staying);
    expect(await contentOf(damaged).catch((error: unknown) => error)).to.be.instanceOf(Error);
  });

  it('is optional: the archive is read when the list is missing, damaged, or of another archive', async () => {
    const archive = await receive({ name: `${folder}/small`, content: 'small' }, large);
    const list = entryListPath(archive);
    const whole = readFileSync(list);
    const breaks: Readonly<Record<string, () => void>> = {
      gone: () => rmSync(list),
      empty: () => truncateSync(list),
      'cut off': () => truncateSync(list, whole.length - 20),
      rubbish: () => writeFileSync(list, randomBytes(whole.length)),
      'damaged in a line': () => writeFileSync(list, Buffer.from(whole).fill(0, 1, 10)),
      'of another archive': () =>
        writeFileSync(list, whole.toString().replace(/"members":\[\d/, '"members":[9')),
    };
    for (const [what, damage] of Object.entries(breaks)) {
      writeFileSync(list, whole);
      damage();
      const { files } = await listArtifacts(archive, folder, { offset: 0, limit: 10 }, staying);
      expect(
        files.map(({ path }) => path),
        what,
      ).to.deep.equal(['small', 'large']);
    }
  });

  it('is removed with an archive that is replaced by one without a list', async () => {
    const archive = await receive(large);
    await receive({ name: `${folder}/small`, content: 'small' });
    expect(existsSync(entryListPath(archive))).to.equal(false);
    const { files } = await listArtifacts(archive, folder, { offset: 0, limit: 10 }, staying);
    expect(files.map(({ path }) => path)).to.deep.equal(['small']);
  });

  it('is not kept for an archive in which the files of an atom are scattered', async () => {
    for (const names of [
      [`${folder}/a`, `${other}/a`],
      [`${folder}/a`, `${other}/a`, `${folder}/b`],
    ]) {
      const list = new EntryListWriter(join(incoming, String(names.length)), [1, 1], () => undefined);
      for (const path of names) {
        list.note({ type: 'file', path, linkpath: '', bytes: 0, offset: 512 });
      }
      expect(await list.end()).to.equal(names.length === 2);
      await list.close();
    }
  });

  it('does not count towards the size of results', async () => {
    const archive = await receive(large);
    expect(archiveBytes(directory, build)).to.equal(readFileSync(archive).length);
  });

  it('is not read further when the client is gone', async () => {
    const archive = await receive(large);
    const gone = AbortSignal.abort(new Error('hung up'));
    const listing = listArtifacts(archive, folder, { offset: 0, limit: 1 }, gone);
    expect(await listing.catch((error: unknown) => error)).to.have.property('message', 'hung up');
  });
});
