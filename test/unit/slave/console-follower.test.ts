import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Masks } from '../../../src/lib/masks.js';
import { toId } from '../../../src/protocol/ids.js';
import { MAX_CONSOLE_PIECE_BYTES } from '../../../src/protocol/slave.js';
import { ConsoleFollower, type ConsolePiece } from '../../../src/slave/console-follower.js';

describe('following a console', () => {
  let directory: string;
  let path: string;
  let follower: ConsoleFollower;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'follow-'));
    path = join(directory, 'console');
    writeFileSync(path, '');
    follower = new ConsoleFollower(toId.atom(3), path, new Masks([]));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  async function next(): Promise<{ offset: number; text: string } | null> {
    const piece = await follower.next();
    return piece && { offset: piece.offset, text: Buffer.from(piece.content, 'base64').toString() };
  }

  it('gives what was added since the last look', async () => {
    expect(await next()).to.equal(null);
    appendFileSync(path, 'one\n');
    expect(await next()).to.deep.equal({ offset: 0, text: 'one\n' });
    expect(await next()).to.equal(null);
    appendFileSync(path, 'two');
    expect(await next()).to.deep.equal({ offset: 4, text: 'two' });
  });

  it('goes on with what is printed after it was cut', async () => {
    appendFileSync(path, 'x'.repeat(1000));
    expect((await next())?.text).to.have.length(1000);
    writeFileSync(path, 'cut\n');
    expect(await next()).to.equal(null);
    appendFileSync(path, 'after\n');
    expect(await next()).to.deep.equal({ offset: 1000, text: 'after\n' });
  });

  it('gives a long one piece by piece', async () => {
    appendFileSync(path, 'x'.repeat(MAX_CONSOLE_PIECE_BYTES + 5));
    expect((await next())?.text).to.have.length(MAX_CONSOLE_PIECE_BYTES);
    expect(await next()).to.deep.equal({ offset: MAX_CONSOLE_PIECE_BYTES, text: 'xxxxx' });
  });

  it('goes on at the end of one that it cannot keep up with, and says so', async () => {
    appendFileSync(path, 'x'.repeat(40 * MAX_CONSOLE_PIECE_BYTES));
    appendFileSync(path, 'the end\n');
    const piece = await next();
    expect(piece?.text).to.match(/^\n… \d+ bytes are shown when the atom has ended …\n/);
    expect(piece?.text.endsWith('xthe end\n')).to.equal(true);
    expect(await next()).to.equal(null);
  });

  describe('with something to mask', () => {
    beforeEach(() => {
      follower = new ConsoleFollower(toId.atom(3), path, new Masks(['s3cret-value']));
    });
    const text = (piece: ConsolePiece | null) => Buffer.from(piece?.content ?? '', 'base64').toString();

    it('shows none of it, also when it is written in two goes', async () => {
      writeFileSync(path, 'token: s3cret');
      const first = await follower.next();
      expect(text(first)).to.equal('token: ');
      expect(await follower.next()).to.equal(null);
      appendFileSync(path, '-value\nmore\n');
      const second = await follower.next();
      expect(text(second)).to.equal('************\nmore\n');
      expect(second?.offset).to.equal(7);
    });

    it('shows none of it where it goes on after a long way', async () => {
      const value = 's3cret-value';
      for (let before = 0; before <= value.length; before += 1) {
        const end = `${value}${'\n'.padStart(MAX_CONSOLE_PIECE_BYTES - before, 'x')}`;
        const much = 'y'.repeat(20 * MAX_CONSOLE_PIECE_BYTES);
        writeFileSync(path, much + end);
        follower = new ConsoleFollower(toId.atom(3), path, new Masks([value]));
        const shown = [text(await follower.next()), text(await follower.next())].join('');
        expect(shown, String(before)).to.match(/bytes are shown when the atom has ended/);
        expect(shown.replace(/^[^…]*…[^…]*…\n/, ''), String(before)).to.match(/^\**x+\n$/);
      }
    });
  });
});
