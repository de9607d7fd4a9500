import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import fc from 'fast-check';
import { type PathAlias, PathAliases } from '../../../../src/lib/text/path-aliases.js';
import { Redactor } from '../../../../src/lib/text/redactor.js';
import { toId } from '../../../../src/protocol/ids.js';
import type { ConsoleRecorder } from '../../../../src/slave/console/console-recorder.js';
import { SubjobConsoles } from '../../../../src/slave/console/subjob-consoles.js';

const LIMIT = 200_000;
const NOTE =
  /\n… clusterrunner: (\d+) bytes are left out here, .*; lines after this had higher numbers while the atom ran …\n/;

describe('ConsoleRecorder', () => {
  let directory: string;
  let consoles: SubjobConsoles;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'console-'));
    consoles = consolesOf([]);
  });
  afterEach(() => {
    consoles.close();
    rmSync(directory, { recursive: true });
  });

  const consolesOf = (masked: readonly string[], aliases: readonly PathAlias[] = []) =>
    new SubjobConsoles(join(directory, 'consoles'), LIMIT, new Redactor(masked), new PathAliases(aliases));

  async function textOf(recorder: ConsoleRecorder): Promise<string> {
    const bytes = await buffer(recorder.content());
    expect(bytes.length).to.equal(recorder.size);
    return bytes.toString();
  }

  /** In pieces as they come out of a pipe. */
  function print(recorder: ConsoleRecorder, text: string): void {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += 65_536) {
      recorder.write(bytes.subarray(at, at + 65_536));
    }
  }

  const lines = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, n) => `line ${from + n}\n`).join('');

  it('replaces paths by aliases after redaction, however the output is split', async () => {
    const kept = consolesOf(['secret'], [{ path: '/base/builds/1', alias: '$PROJECT_DIR' }]);
    const recorder = kept.begin(toId.atom(0));
    for (const char of 'at /base/builds/1/a.js, secret, /base/builds/1') {
      recorder.write(Buffer.from(char));
    }
    recorder.end(['note']);
    expect(await textOf(recorder)).to.equal(
      'at $PROJECT_DIR/a.js, ******, $PROJECT_DIR\nclusterrunner: note\n',
    );
    kept.close();
    const inPath = consolesOf(['lds/1/a'], [{ path: '/base/builds/1', alias: '$PROJECT_DIR' }]);
    const other = inPath.begin(toId.atom(0));
    print(other, '/base/builds/1/a.js');
    other.end();
    expect(await textOf(other)).to.equal('/base/bui*******.js');
    inPath.close();
  });

  it('keeps all output of one atom after another, whatever its size', async () => {
    const sizes = fc.array(fc.array(fc.integer({ min: 1, max: 90_000 }), { maxLength: 4 }), {
      minLength: 1,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(sizes, async (atoms) => {
        const kept = consolesOf([]);
        const texts = atoms.map((writes, atom) => {
          const recorder = kept.begin(toId.atom(atom));
          const parts = writes.map((size) => `${atom} ${'x'.repeat(size)}\n`);
          const text = parts.join('').slice(0, LIMIT - 1000);
          print(recorder, text);
          recorder.end();
          return text;
        });
        for (const [atom, text] of texts.entries()) {
          expect((await textOf(kept.of(toId.atom(atom)))) === text).to.equal(true);
        }
        kept.close();
      }),
      { numRuns: 30 },
    );
  });

  it('keeps the head and the tail of an output that is too long, at line ends, and says how much is left out', async () => {
    for (const count of [20_000, 100_000, 300_000]) {
      const all = lines(0, count);
      const recorder = consoles.begin(toId.atom(count));
      print(recorder, all);
      recorder.end();
      const [head = '', gone, end = ''] = (await textOf(recorder)).split(NOTE);
      expect(all.startsWith(head) && head.endsWith('\n')).to.equal(true);
      expect(all.endsWith(end) && end.startsWith('line ')).to.equal(true);
      expect(Number(gone)).to.equal(all.length - head.length - end.length);
      expect(recorder.cutBytes).to.equal(Number(gone));
      expect(recorder.size).to.be.within(LIMIT * 0.75, LIMIT);
    }
  });

  it('cuts between characters where no line ends', async () => {
    const recorder = consoles.begin(toId.atom(1));
    print(recorder, `a${'█'.repeat(100_000)}`);
    recorder.end();
    expect(await textOf(recorder)).to.match(/^a█+\n… .* …\n█+$/);
  });

  it('keeps nothing of a secret, wherever the output is cut', async () => {
    const secret = 's3cret-value';
    consoles = consolesOf([secret]);
    for (let before = 0; before < secret.length; before += 1) {
      const recorder = consoles.begin(toId.atom(before));
      print(recorder, 'x'.repeat(before) + secret.repeat(50_000));
      recorder.end();
      expect(await textOf(recorder)).to.match(/^x*\*+\n… .* …\n\*+$/);
    }
  });

  it('ends with the messages about the atom, on lines of their own', async () => {
    for (const [printed, expected] of [
      ['', 'clusterrunner: over.\n'],
      ['text', 'text\nclusterrunner: over.\n'],
      ['text\n', 'text\nclusterrunner: over.\n'],
    ] as const) {
      const recorder = consoles.begin(toId.atom(printed.length));
      print(recorder, printed);
      recorder.end(['over.']);
      expect(await textOf(recorder)).to.equal(expected);
    }
    const long = consoles.begin(toId.atom(99));
    print(long, lines(0, 100_000));
    long.end(['over.']);
    expect(await textOf(long)).to.match(/\nline 99999\nclusterrunner: over\.\n$/);
  });

  it('keeps its file in no folder, so that no command can reach it', () => {
    const recorder = consoles.begin(toId.atom(1));
    print(recorder, lines(0, 20_000));
    expect(readdirSync(directory)).to.deep.equal([]);
  });

  it('says how much is lost, and why, when the file cannot be written', async () => {
    const nowhere = new SubjobConsoles(
      join(directory, 'gone', 'consoles'),
      LIMIT,
      new Redactor([]),
      new PathAliases([]),
    );
    const recorder = nowhere.begin(toId.atom(1));
    print(recorder, 'kept\n');
    print(recorder, 'x'.repeat(70_000));
    recorder.end(['over.']);
    expect(await textOf(recorder)).to.match(
      /^kept\nclusterrunner: the last 70000 bytes of this console could not be kept on the slave: .*ENOENT.*\nclusterrunner: over\.\n$/,
    );
  });
});
