import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { PathAliases } from '../../../../src/lib/text/path-aliases.js';
import { Redactor } from '../../../../src/lib/text/redactor.js';
import { toId } from '../../../../src/protocol/ids.js';
import { MAX_CONSOLE_PIECE_BYTES } from '../../../../src/protocol/slave/slave-messages.js';
import { ConsoleFollower } from '../../../../src/slave/console/console-follower.js';
import type { ConsoleRecorder } from '../../../../src/slave/console/console-recorder.js';
import { SubjobConsoles } from '../../../../src/slave/console/subjob-consoles.js';

const ATOM = toId.atom(3);
const LIMIT = 32 * 1024 * 1024;

describe('ConsoleFollower', () => {
  let directory: string;
  let consoles: SubjobConsoles;
  let recorder: ConsoleRecorder;
  let follower: ConsoleFollower;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'follow-'));
    begin([]);
  });
  afterEach(() => {
    consoles.close();
    rmSync(directory, { recursive: true });
  });

  function begin(masked: readonly string[], maxBytes = LIMIT): void {
    consoles?.close();
    consoles = new SubjobConsoles(
      join(directory, 'consoles'),
      maxBytes,
      new Redactor(masked),
      new PathAliases([]),
    );
    recorder = consoles.begin(ATOM);
    follower = new ConsoleFollower(ATOM, recorder);
  }

  const print = (text: string | Buffer) => recorder.write(Buffer.from(text));
  const next = () =>
    follower.next().map(({ offset, content, lines_before }) => ({
      offset,
      text: Buffer.from(content, 'base64').toString(),
      ...(lines_before === undefined ? {} : { lines_before }),
    }));

  it('returns what was added since the last call', () => {
    expect(next()).to.deep.equal([]);
    print('one\n');
    expect(next()).to.deep.equal([{ offset: 0, text: 'one\n' }]);
    expect(next()).to.deep.equal([]);
    print('two');
    expect(next()).to.deep.equal([{ offset: 4, text: 'two' }]);
  });

  it('returns a long output in pieces', () => {
    print('x'.repeat(MAX_CONSOLE_PIECE_BYTES + 5));
    const pieces = next();
    expect(pieces.map(({ text }) => text.length)).to.deep.equal([MAX_CONSOLE_PIECE_BYTES, 5]);
    expect(pieces[1]?.offset).to.equal(MAX_CONSOLE_PIECE_BYTES);
  });

  it('returns whole characters, however they are written', () => {
    const text = 'aä█😀\n'.repeat(30_000);
    const bytes = Buffer.from(text);
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 8 }),
        (lengths) => {
          begin([]);
          const shown: string[] = [];
          for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
            const length = lengths[turn % lengths.length] ?? 1;
            recorder.write(bytes.subarray(at, at + length));
            at += length;
            shown.push(...next().map((piece) => piece.text));
          }
          expect(shown.join('') === text).to.equal(true);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('skips to a line near the end of a console that grows too fast, and gives its number', () => {
    print('line 0\n');
    next();
    for (let line = 1; line < 1_000_000; line += 1000) {
      print(Array.from({ length: 1000 }, (_, n) => `line ${line + n}\n`).join(''));
    }
    const [piece] = next();
    const [, number] = /^line (\d+)\n/.exec(piece?.text ?? '') ?? [];
    expect(piece?.lines_before).to.equal(Number(number)).and.to.be.greaterThan(900_000);
    print('the end\n');
    const [last] = next();
    expect(last?.text.endsWith('the end\n')).to.equal(true);
    expect(last?.lines_before).to.equal(undefined);
  });

  it('skips what a console that is too long has overwritten', () => {
    begin([], 200_000);
    print('x\n'.repeat(30_000));
    next();
    for (let turn = 0; turn < 10; turn += 1) {
      print('y\n'.repeat(20_000));
    }
    const pieces = next();
    expect(pieces[0]?.lines_before).to.be.greaterThan(30_000);
    expect(pieces.map(({ text }) => text).join('')).to.match(/^(y\n)+$/);
  });

  it('returns nothing of a secret, also when it is written in two parts', () => {
    begin(['s3cret-value']);
    print('token: s3cret');
    expect(next()).to.deep.equal([{ offset: 0, text: 'token: ' }]);
    print('-value\nmore\n');
    expect(next()).to.deep.equal([{ offset: 7, text: '************\nmore\n' }]);
  });
});
