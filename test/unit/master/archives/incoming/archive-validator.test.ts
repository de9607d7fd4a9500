import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { type Header, pack } from 'tar-stream';
import { ArchiveValidator } from '../../../../../src/master/archives/incoming/archive-validator.js';
import type { ResultBounds } from '../../../../../src/master/state/result-bounds.js';
import { ClusterRunnerError } from '../../../../../src/protocol/errors.js';
import { toId } from '../../../../../src/protocol/ids.js';
import type { ResultIndex } from '../../../../../src/protocol/results/result-index.js';
import { writeArchive } from '../../../../../src/slave/archive/write-archive.js';
import { recordedConsole } from '../../../../support/recorded-console.js';
import { defaults } from '../../../../support/settings.js';
import { blocksOf } from '../../../../support/subjob-archive.js';

type Entry = Partial<Header> & { readonly name: string; readonly content?: string };

/** A tar without its end-of-archive mark. */
async function tarOf(...entries: readonly Entry[]): Promise<Buffer> {
  const tar = pack();
  for (const { content, ...header } of entries) {
    tar.entry(header, content ?? '');
  }
  tar.finalize();
  return (await buffer(tar)).subarray(0, -1024);
}

/** Recomputes the checksums of all headers in a tar of small files. */
function withChecksums(tar: Buffer): void {
  for (let at = 0; at < tar.length; at += 512) {
    if (tar.toString('latin1', at + 257, at + 262) === 'ustar') {
      tar.fill(' ', at + 148, at + 156);
      const sum = tar.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
      tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
    }
  }
}

/** Validates an archive of subjob 3 with the atoms 5 and 6: null when it is accepted, or why not. */
async function look(
  content: Buffer,
  index: ResultIndex,
  { bounds = defaults, pieceBytes = 100_000 }: { bounds?: ResultBounds; pieceBytes?: number } = {},
): Promise<string | null> {
  const atoms = [5, 6].map((id) => ({ id: toId.atom(id), exit_code: 0, actual_time: 1 }));
  try {
    const inspector = new ArchiveValidator(toId.subjob(3), { atoms, index }, bounds);
    for (let at = 0; at < content.length; at += pieceBytes) {
      await inspector.pass(content.subarray(at, at + pieceBytes));
    }
    inspector.end();
    return null;
  } catch (error) {
    if (error instanceof ClusterRunnerError) {
      return `${error.code}: ${error.message}`;
    }
    throw error;
  }
}

async function lookAt(...entries: readonly Entry[]): Promise<string | null> {
  const { content, index } = await blocksOf(await tarOf(...entries));
  return look(content, index);
}

describe('the archive of a slave', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'inspect-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** An archive as of a slave. */
  async function written(): Promise<{ content: Buffer; index: ResultIndex }> {
    const folders = [5, 6].map((atom) => {
      const name = `artifact_3_${atom}`;
      const path = join(directory, name);
      mkdirSync(join(path, 'deep', 'er'), { recursive: true });
      writeFileSync(join(path, 'deep', `${'long'.repeat(60)} ü`), 'x'.repeat(1_500_000));
      writeFileSync(join(path, 'two\nlines'), '');
      symlinkSync('deep/er', join(path, 'link'));
      const added = [{ name: 'clusterrunner_time', content: '1.00\n', mode: 0o644 }];
      const recorded = recordedConsole('line\n'.repeat(400_000));
      const console = { name: 'clusterrunner_console_output', recorded };
      return { atom: toId.atom(atom), path, name, console, added };
    });
    const file = join(directory, 'archive');
    const { members, consoles } = await writeArchive(folders, file);
    return { content: readFileSync(file), index: { members, consoles } };
  }

  it('is accepted in pieces of any size', async () => {
    const { content, index } = await written();
    for (const pieceBytes of [content.length, 1000, 77_777]) {
      expect(await look(content, index, { pieceBytes })).to.equal(null);
    }
  });

  it('is accepted when it is empty', async () => {
    expect(await look(Buffer.alloc(0), { members: [], consoles: [] })).to.equal(null);
  });

  const refused: Readonly<Record<string, readonly [readonly Entry[], RegExp]>> = {
    'the script that reruns an atom': [
      [{ name: 'artifact_3_5/clusterrunner_command', content: 'x' }],
      /"artifact_3_5\/clusterrunner_command", which only the master writes/,
    ],
    'a link in the place of that script': [
      [{ name: 'artifact_3_5/clusterrunner_command', type: 'symlink', linkname: 'x' }],
      /which only the master writes/,
    ],
    'a folder in the place of that script': [
      [{ name: 'artifact_3_5/clusterrunner_command/x', content: 'x' }],
      /which only the master writes/,
    ],
    'that script in other letters': [
      [{ name: 'artifact_3_5/Clusterrunner_COMMAND', content: 'x' }],
      /which only the master writes/,
    ],
    'names that are absolute': [[{ name: '/etc/cron.d/x', content: 'x' }], /in no folder of its atoms/],
    'names that go up': [[{ name: 'artifact_3_5/../../x', content: 'x' }], /in no folder of its atoms/],
    'folders of other atoms': [[{ name: 'artifact_3_7/x', content: 'x' }], /in no folder of its atoms/],
    'folders of other subjobs': [[{ name: 'artifact_1_5/x', content: 'x' }], /in no folder of its atoms/],
    'failures.txt': [[{ name: 'failures.txt', content: '' }], /in no folder of its atoms/],
    devices: [[{ name: 'artifact_3_5/d', type: 'character-device' }], /no file, folder or symbolic link/],
    pipes: [[{ name: 'artifact_3_5/p', type: 'fifo' }], /no file, folder or symbolic link/],
    'hard links': [[{ name: 'artifact_3_5/h', type: 'link', linkname: '/etc/passwd' }], /no file, folder/],
    'links to absolute places': [
      [{ name: 'artifact_3_5/l', type: 'symlink', linkname: '/etc' }],
      /leads out/,
    ],
    'links that go up': [[{ name: 'artifact_3_5/l', type: 'symlink', linkname: '../../x' }], /leads out/],
    'the same file twice': [
      [
        { name: 'artifact_3_5/a', content: 'one' },
        { name: 'artifact_3_5/a', content: 'two' },
      ],
      /another entry has the same path/,
    ],
    'a file and a folder of one name': [
      [
        { name: 'artifact_3_5/a', content: 'one' },
        { name: 'artifact_3_5/a/b', content: 'two' },
      ],
      /in something that is no folder/,
    ],
    'a folder and a file of one name': [
      [
        { name: 'artifact_3_5/a/b/c', content: 'one' },
        { name: 'artifact_3_5/a', content: 'two' },
      ],
      /another entry has the same path/,
    ],
    'a folder of an atom that comes back': [
      [{ name: 'artifact_3_5/a' }, { name: 'artifact_3_6/a' }, { name: 'artifact_3_5/a' }],
      /has already ended/,
    ],
    'names that are too long': [
      [{ name: `artifact_3_5/${'n'.repeat(256)}` }],
      /a name in its path is too long/,
    ],
    'paths that are too long': [[{ name: `artifact_3_5/${'nnn/'.repeat(1100)}n` }], /its path is too long/],
    'paths with empty parts': [[{ name: 'artifact_3_5//a' }], /not the shortest way/],
    'paths with dots': [[{ name: 'artifact_3_5/./a' }], /not the shortest way/],
    'files behind links': [
      [
        { name: 'artifact_3_5/l', type: 'symlink', linkname: 'd' },
        { name: 'artifact_3_5/l/x', content: 'x' },
      ],
      /in something that is no folder/,
    ],
    'extended headers of others': [
      [{ name: 'artifact_3_5/x', pax: { 'GNU.sparse.name': 'y' } }],
      /extended header/,
    ],
    'extended headers without end, which would be held in memory': [
      [{ name: 'artifact_3_5/x', pax: { path: `artifact_3_5/${'x'.repeat(2 * 1024 ** 2)}` } }],
      /extended header that is too long/,
    ],
    'names of several lines in extended headers': [
      [{ name: `artifact_3_5/ü${'x'.repeat(120)}\n30 path=artifact_3_5/y` }],
      /extended header/,
    ],
  };
  for (const [what, [entries, why]] of Object.entries(refused)) {
    it(`is refused for ${what}`, async () => {
      expect(await lookAt({ name: 'artifact_3_5/fine', content: 'x' }, ...entries)).to.match(why);
    });
  }

  it('is refused for names that are not UTF-8, plain or in an extended header', async () => {
    for (const name of ['artifact_3_5/bad', `artifact_3_5/bad${'n'.repeat(120)}`]) {
      const tar = await tarOf({ name, content: 'x' });
      for (let at = tar.indexOf('bad'); at !== -1; at = tar.indexOf('bad', at)) {
        tar[at] = 0xff;
      }
      withChecksums(tar);
      const { content, index } = await blocksOf(tar);
      expect(await look(content, index)).to.match(/UTF-8|no header/);
    }
  });

  it('is accepted with names that differ in case or in the form of an accent', async () => {
    expect(
      await lookAt(
        ...['Foo', 'foo', '\u00e9', 'e\u0301', `${'\u00e9'.repeat(120)}`].map((name) => ({
          name: `artifact_3_5/${name}`,
        })),
      ),
    ).to.equal(null);
  });

  it('is refused for an end-of-archive mark in it, which would hide what follows', async () => {
    const { content, index } = await blocksOf(
      Buffer.concat([await tarOf({ name: 'artifact_3_5/a' }), Buffer.alloc(1024)]),
    );
    expect(await look(content, index)).to.contain('an end-of-archive mark');
  });

  it('is refused when it ends within an entry', async () => {
    const tar = await tarOf({ name: 'artifact_3_5/a', content: 'x'.repeat(5000) });
    const { content, index } = await blocksOf(tar.subarray(0, 2048));
    expect(await look(content, index)).to.contain('ends within an entry');
  });

  it('is refused as a bomb: members of more than a block, or files beyond the limits', async () => {
    const bomb = gzipSync(Buffer.alloc(100 * 1024 ** 2));
    expect(await look(bomb, { members: [bomb.length], consoles: [] })).to.contain('no gzip of a block');
    const bounds = { ...defaults, artifactsMaxBytesPerAtom: 1024, consoleMaxBytesPerAtom: 1024 };
    const zeros = await blocksOf(
      await tarOf({ name: 'artifact_3_5/a', content: '\0'.repeat(80 * 1024 ** 2) }),
    );
    expect(await look(zeros.content, zeros.index, { bounds })).to.match(/^BODY_TOO_LARGE: /);
    const many = await tarOf(...Array.from({ length: 100 }, (_, n) => ({ name: `artifact_3_5/${n}` })));
    const files = await blocksOf(many);
    expect(
      await look(files.content, files.index, { bounds: { ...bounds, artifactsMaxFilesPerAtom: 1 } }),
    ).to.match(/^BODY_TOO_LARGE: /);
  });

  it('is refused when its index lies about members or consoles', async () => {
    const { content, index } = await written();
    const [first = 0, ...rest] = index.members;
    const [console, ...consoles] = index.consoles;
    if (console === undefined) {
      throw new Error('There is no console.');
    }
    const lies: Readonly<Record<string, ResultIndex>> = {
      'one more member': { ...index, members: [...index.members, 10] },
      'one less member': { ...index, members: index.members.slice(0, -1) },
      'other lengths': { ...index, members: [first + 1, ...rest] },
      'two members in one': { ...index, members: [first + (rest[0] ?? 0), ...rest.slice(1)] },
      'another place': { ...index, consoles: [{ ...console, offset: console.offset + 512 }, ...consoles] },
      'another length': { ...index, consoles: [{ ...console, bytes: console.bytes - 1 }, ...consoles] },
      'too few marks': { ...index, consoles: [{ ...console, marks: console.marks.slice(1) }, ...consoles] },
      'marks beyond its lines': {
        ...index,
        consoles: [{ ...console, marks: console.marks.map(() => console.lines + 1) }, ...consoles],
      },
      'one console twice': { ...index, consoles: [console, console] },
    };
    for (const [what, lie] of Object.entries(lies)) {
      expect(await look(content, lie), what).to.match(
        /^INVALID_REQUEST: The result is refused: its archive /,
      );
    }
    const padded = Buffer.concat([content, Buffer.alloc(8)]);
    const members = [...index.members.slice(0, -1), (index.members.at(-1) ?? 0) + 8];
    expect(await look(padded, { ...index, members }), 'zeros behind the last member').to.contain(
      'is no block',
    );
  });

  it('is refused or harmless when any byte of it is changed', async function () {
    this.timeout(120_000);
    const tar = await tarOf(
      { name: 'artifact_3_5/dir', type: 'directory' },
      { name: 'artifact_3_5/dir/file', content: 'content' },
      { name: 'artifact_3_6/link', type: 'symlink', linkname: 'dir' },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(tar.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (changes) => {
          const changed = Buffer.from(tar);
          for (const [at, byte] of changes) {
            changed[at] = byte;
          }
          const { content, index } = await blocksOf(changed);
          if ((await look(content, index)) === null) {
            const names = execFileSync('tar', ['-tf', '-'], {
              input: Buffer.concat([changed, Buffer.alloc(1024)]),
            });
            for (const name of names
              .toString()
              .split('\n')
              .filter((line) => line !== '')) {
              expect(name).to.match(/^artifact_3_[56]\//);
            }
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
