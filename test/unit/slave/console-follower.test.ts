import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { toId } from '../../../src/protocol/ids.js';
import { MAX_CONSOLE_PIECE_BYTES } from '../../../src/protocol/slave.js';
import { ConsoleFollower } from '../../../src/slave/console-follower.js';

describe('following a console', () => {
  let directory: string;
  let path: string;
  let follower: ConsoleFollower;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'follow-'));
    path = join(directory, 'console');
    writeFileSync(path, '');
    follower = new ConsoleFollower(toId.atom(3), path);
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
});
