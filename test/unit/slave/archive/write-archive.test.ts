import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { unpackResults } from '../../../../src/cli/build/results/unpack-results.js';
import { removeTree } from '../../../../src/lib/fs/remove-tree.js';
import { ArchiveValidator } from '../../../../src/master/archives/incoming/archive-validator.js';
import { readArchivedConsole } from '../../../../src/master/consoles/archived.js';
import { toId } from '../../../../src/protocol/ids.js';
import { packResults } from '../../../../src/slave/archive/pack-results.js';
import { writeArchive } from '../../../../src/slave/archive/write-archive.js';
import { failureOf } from '../../../support/failure-of.js';
import { makeDeepFolder, makeTree, treeOf } from '../../../support/random-tree.js';
import { recordedConsole } from '../../../support/recorded-console.js';
import { defaults } from '../../../support/settings.js';

describe("the archive of a subjob's results", () => {
  let directory: string;
  let archive: string;
  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'archive-')));
    archive = join(directory, '0.tar.gz');
  });
  afterEach(() => removeTree(directory));

  function folder(atom: number, console: string | Buffer) {
    const name = `artifact_0_${atom}`;
    const path = join(directory, name);
    mkdirSync(path);
    const recorded = recordedConsole(console);
    return { atom: toId.atom(atom), path, name, console: { name: 'console', recorded }, added: [] };
  }

  /** As the tar program unpacks it, once it has its end. */
  function unpack(...archives: string[]): string {
    const whole = join(directory, 'whole.tar.gz');
    const end = gzipSync(Buffer.alloc(1024));
    writeFileSync(whole, Buffer.concat([...archives.map((file) => readFileSync(file)), end]));
    const out = join(directory, 'out');
    mkdirSync(out);
    execFileSync('tar', ['-xzf', whole, '-C', out]);
    return out;
  }

  it('contains the files, folders, links and permissions that the atoms have left', async () => {
    const one = folder(1, 'hello\n');
    mkdirSync(join(one.path, 'deep', 'er'), { recursive: true });
    writeFileSync(join(one.path, 'deep', 'er', `${'long'.repeat(40)} ü`), 'x', { mode: 0o755 });
    symlinkSync('../console', join(one.path, 'deep', 'link'));
    writeFileSync(join(one.path, 'empty'), '');
    await writeArchive([one, folder(2, '')], archive);
    const out = unpack(archive);
    const file = join(out, 'artifact_0_1', 'deep', 'er', `${'long'.repeat(40)} ü`);
    expect(readFileSync(file, 'utf8')).to.equal('x');
    expect(statSync(file).mode & 0o777).to.equal(0o755);
    expect(readlinkSync(join(out, 'artifact_0_1', 'deep', 'link'))).to.equal('../console');
    expect(statSync(join(out, 'artifact_0_1', 'empty')).size).to.equal(0);
    expect(readFileSync(join(out, 'artifact_0_1', 'console'), 'utf8')).to.equal('hello\n');
    expect(statSync(join(out, 'artifact_0_2', 'console')).size).to.equal(0);
  });

  it('contains added files in the place of what the atom has left under their names', async () => {
    const one = folder(1, 'hello\n');
    writeFileSync(join(one.path, 'exit_code'), 'forged');
    const added = [{ name: 'exit_code', content: '0\n', mode: 0o755 }];
    await writeArchive([{ ...one, added }], archive);
    const file = join(unpack(archive), 'artifact_0_1', 'exit_code');
    expect(readFileSync(file, 'utf8')).to.equal('0\n');
    expect(statSync(file).mode & 0o777).to.equal(0o755);
  });

  it('contains the console of an atom that has removed its folder', async () => {
    const one = folder(1, 'hello\n');
    rmSync(one.path, { recursive: true });
    const index = await writeArchive([one], archive);
    expect(index.consoles).to.deep.equal([{ atom_id: 1, offset: 1024, bytes: 6, lines: 1, marks: [] }]);
    expect(readFileSync(join(unpack(archive), 'artifact_0_1', 'console'), 'utf8')).to.equal('hello\n');
  });

  it('contains the recorded console in the place of what the atom has left under its name', async () => {
    for (const [atom, leave] of [
      (path: string) => writeFileSync(path, 'forged'),
      (path: string) => execFileSync('mkfifo', [path]),
      (path: string) => mkdirSync(path),
      (path: string) => symlinkSync('/etc/passwd', path),
    ].entries()) {
      const one = folder(atom, 'printed\n');
      leave(join(one.path, 'console'));
      const { facts } = await writeArchive([one], archive);
      const out = join(unpack(archive), one.name);
      expect(readFileSync(join(out, 'console'), 'utf8')).to.equal('printed\n');
      expect(readFileSync(join(out, 'clusterrunner_notes'), 'utf8')).to.equal(
        'left out: "console": ClusterRunner writes a file of this name itself\n',
      );
      expect(facts.get(one.atom)?.num_left_out).to.equal(1);
      rmSync(join(directory, 'out'), { recursive: true });
    }
  });

  it('can be concatenated with others to one archive', async () => {
    const second = join(directory, '1.tar.gz');
    await writeArchive([folder(1, 'one\n')], archive);
    await writeArchive([folder(2, 'two\n')], second);
    const out = unpack(archive, second);
    expect(readFileSync(join(out, 'artifact_0_2', 'console'), 'utf8')).to.equal('two\n');
  });

  it('leaves out sockets, pipes and devices', async () => {
    const one = folder(1, '');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(one.path, 'socket'), resolve));
    execFileSync('mkfifo', [join(one.path, 'pipe')]);
    await writeArchive([one], archive);
    server.close();
    const names = execFileSync('tar', ['-tf', '-'], {
      input: Buffer.concat([gunzipSync(readFileSync(archive)), Buffer.alloc(1024)]),
      encoding: 'utf8',
    });
    expect(names.split('\n').filter((line) => line !== '')).to.deep.equal([
      'artifact_0_1/',
      'artifact_0_1/console',
      'artifact_0_1/clusterrunner_notes',
    ]);
  });

  it('has an index of consoles, by which a page can be read without the rest', async () => {
    const lines = Array.from({ length: 150_000 }, (_, n) => `${n} ${'.'.repeat((n * 31) % 53)}`);
    const folders = [folder(1, 'short'), folder(2, `${lines.join('\n')}\n`), folder(3, 'a\nb\n')];
    const index = await writeArchive(folders, archive);
    expect(index.consoles.map(({ atom_id, lines: n }) => [atom_id, n])).to.deep.equal([
      [1, 1],
      [2, 150_000],
      [3, 2],
    ]);
    expect(index.members.reduce((sum, bytes) => sum + bytes, 0)).to.equal(statSync(archive).size);
    for (const [at, offsetLine] of [0, 1, 40_000, 99_999, 149_990].entries()) {
      const [, console] = index.consoles;
      const page =
        console && (await readArchivedConsole(archive, index, console, { offsetLine, maxLines: 5 + at }));
      expect(page?.content).to.equal(`${lines.slice(offsetLine, offsetLine + 5 + at).join('\n')}\n`);
    }
  });

  it('stays valid when a file shrinks while it is packed', async () => {
    const one = folder(1, '');
    writeFileSync(join(one.path, 'a'), Buffer.alloc(5_000_000, 'x'));
    writeFileSync(join(one.path, 'b'), Buffer.alloc(3_000_000, 'x'));
    const packing = writeArchive([one], archive);
    const fd = openSync(join(one.path, 'b'), 'w');
    writeSync(fd, 'gone');
    closeSync(fd);
    await packing;
    expect(statSync(join(unpack(archive), 'artifact_0_1', 'a')).size).to.equal(5_000_000);
  });

  it('names what is left out, and why', async () => {
    const one = folder(1, '');
    execFileSync('mkfifo', [join(one.path, 'pipe')]);
    const server = createServer().listen(join(one.path, 'socket'));
    symlinkSync('/etc/passwd', join(one.path, 'absolute'));
    symlinkSync('../../elsewhere', join(one.path, 'up'));
    symlinkSync('fine/../../..', join(one.path, 'round about'));
    writeFileSync(Buffer.concat([Buffer.from(`${one.path}/bad `), Buffer.from([0xff])]), 'x');
    writeFileSync(join(one.path, 'two\nlines'), 'kept');
    writeFileSync(join(one.path, 'clusterrunner_notes'), 'forged');
    const { facts } = await writeArchive([one], archive);
    server.close();
    const out = join(unpack(archive), 'artifact_0_1');
    const notes = readFileSync(join(out, 'clusterrunner_notes'), 'utf8');
    expect(notes.split('\n')).to.have.members([
      'left out: "pipe": a pipe',
      'left out: "socket": a socket',
      'left out: "absolute": a link that leads out of the folder of the atom, to "/etc/passwd"',
      'left out: "up": a link that leads out of the folder of the atom, to "../../elsewhere"',
      'left out: "round about": a link that leads out of the folder of the atom, to "fine/../../.."',
      'left out: "bad \uFFFD": its name is not UTF-8',
      'left out: "clusterrunner_notes": ClusterRunner writes a file of this name itself',
      '',
    ]);
    expect(readFileSync(join(out, 'two\nlines'), 'utf8')).to.equal('kept');
    expect(facts.get(toId.atom(1))).to.deep.equal({ tests: null, num_bad_reports: 0, num_left_out: 7 });
  });

  it('leaves out the files beyond each limit, and nothing of the console', async () => {
    const one = folder(1, 'x'.repeat(500));
    const two = folder(2, '');
    writeFileSync(join(one.path, 'a'), 'x'.repeat(60));
    writeFileSync(join(one.path, 'b'), 'x'.repeat(60));
    writeFileSync(join(one.path, 'c'), 'x'.repeat(40));
    writeFileSync(join(one.path, 'd'), '');
    writeFileSync(join(two.path, 'a'), 'x'.repeat(90));
    const limits = { artifact_bytes: 100, artifact_files: 2, console_bytes: 1000, subjob_bytes: 150 };
    await writeArchive([one, two], archive, { limits });
    const out = unpack(archive);
    expect(readdirSync(join(out, 'artifact_0_1')).sort()).to.deep.equal([
      'a',
      'c',
      'clusterrunner_notes',
      'console',
    ]);
    expect(readFileSync(join(out, 'artifact_0_1', 'clusterrunner_notes'), 'utf8'))
      .to.match(/^left out: "b": .*\(artifacts_max_mib_per_atom\)$/m)
      .and.match(/^left out: "d": .*\(artifacts_max_files_per_atom\)$/m);
    expect(readFileSync(join(out, 'artifact_0_2', 'clusterrunner_notes'), 'utf8')).to.contain(
      '(max_result_gigabytes)',
    );
  });

  it('counts the tests of JUnit reports, and names unreadable ones', async () => {
    const one = folder(1, '');
    mkdirSync(join(one.path, 'reports'));
    writeFileSync(
      join(one.path, 'reports', 'TEST-a.xml'),
      '<testsuite><testcase/><testcase><failure/></testcase></testsuite>',
    );
    writeFileSync(
      join(one.path, 'reports', 'b.XML'),
      '<testsuites><testsuite><testcase/></testsuite></testsuites>',
    );
    writeFileSync(join(one.path, 'cut.xml'), '<testsuite><testcase>');
    writeFileSync(join(one.path, 'pom.xml'), '<project/>');
    const { facts } = await writeArchive([one, folder(2, '')], archive);
    expect([...facts]).to.deep.equal([
      [1, { tests: { tests: 3, failures: 1, errors: 0, skipped: 0 }, num_bad_reports: 1, num_left_out: 0 }],
    ]);
    const notes = readFileSync(join(unpack(archive), 'artifact_0_1', 'clusterrunner_notes'), 'utf8');
    expect(notes).to.match(/^not read as a report of tests: "cut\.xml": line 1: /);
  });

  const notesOf = (out: string) => readFileSync(join(out, 'artifact_0_1', 'clusterrunner_notes'), 'utf8');

  it("contains nothing from the target of a link in the place of the atom's folder, or of one above it", async () => {
    const outside = join(directory, 'private');
    mkdirSync(join(outside, 'artifact_0_1'), { recursive: true });
    writeFileSync(join(outside, 'key'), 'secret');
    writeFileSync(join(outside, 'artifact_0_1', 'key'), 'secret');
    const above = join(directory, 'lease');
    mkdirSync(join(above, 'artifact_0_1'), { recursive: true });
    const one = { ...folder(1, ''), path: join(above, 'artifact_0_1') };
    rmSync(one.path, { recursive: true });
    for (const replace of [
      () => symlinkSync(outside, one.path),
      () => writeFileSync(one.path, 'a file'),
      () => {
        renameSync(above, `${above}.moved`);
        symlinkSync(outside, above);
      },
    ]) {
      rmSync(one.path, { force: true });
      replace();
      await writeArchive([one], archive);
      expect(gunzipSync(readFileSync(archive)).includes('secret')).to.equal(false);
      const out = unpack(archive);
      expect(notesOf(out)).to.match(/^left out: "\.": .*ARTIFACT_DIR/);
      rmSync(out, { recursive: true });
    }
  });

  it('leaves out a folder that is deeper than any path, and contains the others', async () => {
    const one = folder(1, '');
    makeDeepFolder(join(one.path, 'deep'), 60);
    writeFileSync(join(one.path, 'z'), 'z');
    const { facts } = await writeArchive([one], archive);
    const out = unpack(archive);
    expect(readFileSync(join(out, 'artifact_0_1', 'z'), 'utf8')).to.equal('z');
    expect(notesOf(out)).to.match(/^left out: "deep\/d.*": its path is too long$/m);
    expect(facts.get(toId.atom(1))?.num_left_out).to.equal(1);
  });

  it('leaves out links to names that are not UTF-8, instead of changing their targets', async () => {
    const one = folder(1, '');
    symlinkSync(Buffer.from([0x61, 0xff]), join(one.path, 'link'));
    await writeArchive([one], archive);
    expect(notesOf(unpack(archive))).to.equal(
      'left out: "link": a link to something whose name is not UTF-8\n',
    );
  });

  it('distinguishes a name that is not UTF-8 from one that looks the same', async () => {
    const one = folder(1, '');
    writeFileSync(Buffer.concat([Buffer.from(`${one.path}/`), Buffer.from([0xff])]), 'bytes');
    writeFileSync(join(one.path, '\uFFFD'), 'text');
    await writeArchive([one], archive);
    const out = unpack(archive);
    expect(readFileSync(join(out, 'artifact_0_1', '\uFFFD'), 'utf8')).to.equal('text');
    expect(notesOf(out)).to.equal('left out: "\uFFFD": its name is not UTF-8\n');
  });

  it('names a file that was shortened while it was packed', async () => {
    const one = folder(1, Buffer.alloc(3_000_000, 'x'));
    writeFileSync(join(one.path, 'a'), Buffer.alloc(5_000_000, 'x'));
    const packing = writeArchive([one], archive);
    truncateSync(join(one.path, 'a'), 4);
    const { facts } = await packing;
    const [fact] = facts.values();
    // It may have been read before.
    expect(fact === undefined ? 4 : 5_000_000).to.equal(
      statSync(join(unpack(archive), 'artifact_0_1', 'a')).size,
    );
  });

  it('leaves out files of which the disk has no space for a copy', async () => {
    const one = folder(1, 'console');
    writeFileSync(join(one.path, 'large'), Buffer.alloc(3 * 1024 ** 2));
    writeFileSync(join(one.path, 'small'), 'x');
    const freeBytes = () => 65 * 1024 ** 2;
    await writeArchive([one], archive, { freeBytes });
    const out = unpack(archive);
    expect(readdirSync(join(out, 'artifact_0_1')))
      .to.include('small')
      .and.not.include('large');
    expect(notesOf(out)).to.contain(
      'left out: "large": the disk of the slave has no space to pack it (65 MiB are free)',
    );
  });

  it('is written without files, then without consoles, when the disk is full; nothing unfinished stays', async () => {
    const one = folder(1, 'console');
    writeFileSync(join(one.path, 'file'), 'x');
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    for (const [failures, left] of [
      [1, ['clusterrunner_notes', 'console']],
      [2, ['clusterrunner_notes', 'console']],
    ] as const) {
      let writes = 0;
      await packResults([one], archive, {}, async (...args) => {
        writes += 1;
        const written = await writeArchive(...args);
        if (writes <= failures) {
          throw full;
        }
        return written;
      });
      const out = unpack(archive);
      expect(readdirSync(join(out, 'artifact_0_1')).sort()).to.deep.equal(left);
      expect(readFileSync(join(out, 'artifact_0_1', 'console'), 'utf8')).to.equal(
        failures === 1 ? 'console' : '',
      );
      expect(notesOf(out)).to.contain('left out: "file": the disk of the slave has no space for it');
      rmSync(out, { recursive: true });
    }
    const always = packResults([one], archive, {}, async (_folders, file) => {
      writeFileSync(file, 'half');
      throw full;
    });
    expect(await failureOf(always)).to.equal(full);
    expect(existsSync(archive)).to.equal(false);
  });

  it('is written although a build has removed the folder for it', async () => {
    const file = join(directory, 'outbox', '7.tar.gz');
    await packResults([folder(1, '')], file, {});
    expect(existsSync(file)).to.equal(true);
  });

  it('is accepted by the master and unpacked completely by a client, whatever an atom has left', async () => {
    let number = 0;
    await fc.assert(
      fc.asyncProperty(treeOf, fc.boolean(), async (entries, isRemoved) => {
        number += 1;
        await removeTree(join(directory, 'artifact_0_1'));
        const one = folder(1, 'printed\n');
        makeTree(one.path, entries, '/etc');
        const packing = writeArchive([one], archive);
        if (isRemoved) {
          // Something that the atom has started still runs.
          await removeTree(one.path);
        }
        const index = await packing;
        const atoms = [{ id: one.atom, exit_code: 0, actual_time: 1 }];
        const inspector = new ArchiveValidator(
          toId.subjob(0),
          { atoms, index: { members: index.members, consoles: [] } },
          defaults,
        );
        await inspector.pass(readFileSync(archive));
        inspector.end();
        const target = join(directory, `results-${number}`);
        const end = gzipSync(Buffer.alloc(1024));
        const { refused } = await unpackResults(Readable.from([readFileSync(archive), end]), target);
        expect(refused).to.equal(0);
        expect(readdirSync(join(target, 'artifact_0_1'))).to.include('console');
      }),
      { numRuns: 6 },
    );
  });
});
