import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { LiveConsoles } from '../../../../src/master/consoles/live.js';
import { type AtomId, type LeaseId, toId } from '../../../../src/protocol/ids.js';

const build = toId.build(1);
const atom = toId.atom(7);
const lease = toId.lease(3);
const attemptOf = (one: AtomId) => ({ build, atom: one, lease });

describe('the console of a running atom', () => {
  let directory: string;
  let consoles: LiveConsoles;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'live-'));
    consoles = new LiveConsoles(directory);
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is what was appended, in that order', async () => {
    await Promise.all(
      ['a\n', 'b', 'c\n', 'd'].map((text) =>
        consoles.append(attemptOf(atom), { bytes: Buffer.from(text), verdictOf: null }),
      ),
    );
    expect(await consoles.read(build, atom, null, { offsetLine: 0, maxLines: 10 })).to.deep.equal({
      offset_line: 0,
      num_lines: 3,
      total_num_lines: 3,
      content: 'a\nbc\nd',
    });
  });

  it('is nothing before anything was reported', async () => {
    expect(await consoles.read(build, atom, null, { offsetLine: null, maxLines: 10 })).to.equal(null);
  });

  it('survives a restart of the master', async () => {
    await consoles.append(attemptOf(atom), { bytes: Buffer.from('last words\n'), verdictOf: null });
    const again = new LiveConsoles(directory);
    await again.append(attemptOf(atom), { bytes: Buffer.from('more\n'), verdictOf: null });
    const page = await again.read(build, atom, null, { offsetLine: null, maxLines: 10 });
    expect(page?.content).to.equal('last words\nmore\n');
  });

  it('keeps the end of endless output, and goes on counting its lines', async () => {
    const line = `${'x'.repeat(999)}\n`;
    for (let i = 0; i < 50; i += 1) {
      await consoles.append(attemptOf(atom), { bytes: Buffer.from(line.repeat(100)), verdictOf: null });
    }
    const page = await consoles.read(build, atom, null, { offsetLine: 0, maxLines: 1 });
    expect(page?.total_num_lines).to.equal(5000);
    expect(page?.offset_line).to.be.within(2900, 4100);
    const end = await consoles.read(build, atom, null, { offsetLine: null, maxLines: 1 });
    expect(end).to.include({ offset_line: 4999, num_lines: 1, content: line });
  });

  it('is forgotten with its file, also when an earlier run of the master wrote it', async () => {
    await consoles.append(attemptOf(atom), { bytes: Buffer.from('of this run\n'), verdictOf: null });
    await consoles.append(attemptOf(toId.atom(8)), {
      bytes: Buffer.from('of an earlier run\n'),
      verdictOf: null,
    });
    await consoles.forget(build, [toId.atom(6), atom]);
    const again = new LiveConsoles(directory);
    await again.forget(build, [toId.atom(8)]);
    expect(readdirSync(join(directory, '1'))).to.deep.equal([]);
    await again.append(attemptOf(atom), { bytes: Buffer.from('a new attempt\n'), verdictOf: null });
    const page = await again.read(build, atom, null, { offsetLine: 0, maxLines: 10 });
    expect(page?.content).to.equal('a new attempt\n');
  });

  it('goes on after a gap with the right line number', async () => {
    await consoles.append(attemptOf(atom), { bytes: Buffer.from('one\ntwo\nthr'), verdictOf: null });
    await consoles.append(attemptOf(atom), {
      bytes: Buffer.from('line 100\nline 101\n'),
      verdictOf: null,
      linesBefore: 100,
    });
    expect(await consoles.read(build, atom, null, { offsetLine: 2, maxLines: 10 })).to.deep.equal({
      offset_line: 100,
      num_lines: 2,
      total_num_lines: 102,
      content: 'line 100\nline 101\n',
    });
  });

  it('shows no partial character', async () => {
    await consoles.append(attemptOf(atom), {
      bytes: Buffer.from('done: █').subarray(0, -1),
      verdictOf: null,
    });
    expect((await consoles.read(build, atom, null, { offsetLine: 0, maxLines: 10 }))?.content).to.equal(
      'done: ',
    );
    await consoles.append(attemptOf(atom), { bytes: Buffer.from('█').subarray(-1), verdictOf: null });
    expect((await consoles.read(build, atom, null, { offsetLine: 0, maxLines: 10 }))?.content).to.equal(
      'done: █',
    );
  });

  it('starts empty for the next attempt', async () => {
    await consoles.append(attemptOf(atom), { bytes: Buffer.from('first\n'), verdictOf: null });
    await consoles.forget(build, [atom]);
    await consoles.append(attemptOf(atom), { bytes: Buffer.from('second\n'), verdictOf: null });
    const page = await consoles.read(build, atom, null, { offsetLine: 0, maxLines: 10 });
    expect(page?.content).to.equal('second\n');
  });

  describe('of an atom that runs again', () => {
    const next = toId.lease(4);
    const last = toId.lease(5);
    const say = (of: LeaseId, text: string, verdictOf: LeaseId | null) =>
      consoles.append({ build, atom, lease: of }, { bytes: Buffer.from(text), verdictOf });
    const whole = async (of: LeaseId, from = consoles) =>
      (await from.whole({ build, atom, lease: of }))?.toString() ?? null;
    const names = () => readdirSync(join(directory, '1'));

    it('is that of the newest attempt, without files of earlier attempts that gave no verdict', async () => {
      await say(lease, 'first\n', null);
      await say(next, 'second\n', null);
      const page = await consoles.read(build, atom, null, { offsetLine: 0, maxLines: 10 });
      expect(page?.content).to.equal('second\n');
      expect([await whole(lease), await whole(next)]).to.deep.equal([null, 'second\n']);
      expect(names().length).to.equal(1);
    });

    it('stays that of the attempt with the verdict, whatever later attempts print, also after a restart', async () => {
      await say(lease, 'first\n', null);
      await say(next, 'second\n', lease);
      const again = new LiveConsoles(directory);
      await again.append({ build, atom, lease: last }, { bytes: Buffer.from('third\n'), verdictOf: lease });
      expect(await whole(lease, again)).to.equal('first\n');
      expect(await whole(last, again)).to.equal('third\n');
      const page = await again.read(build, atom, lease, { offsetLine: 0, maxLines: 10 });
      expect(page?.content).to.equal('first\n');
      expect(names().length).to.equal(2);
      await again.forget(build, [atom]);
      expect(names()).to.deep.equal([]);
    });

    it('starts again when the slave sends it from its beginning', async () => {
      await say(lease, 'half of', null);
      await consoles.append(attemptOf(atom), {
        bytes: Buffer.from('all of it\n'),
        isStart: true,
        verdictOf: null,
      });
      expect(await whole(lease)).to.equal('all of it\n');
    });

    it('can be read from files of a version that had one file for all attempts', async () => {
      mkdirSync(join(directory, '1'));
      writeFileSync(join(directory, '1', '7.console'), 'older\n');
      expect(await whole(lease)).to.equal('older\n');
      const page = await consoles.read(build, atom, lease, { offsetLine: 0, maxLines: 10 });
      expect(page?.content).to.equal('older\n');
      await say(next, 'newer\n', null);
      expect(names()).to.deep.equal(['7.4.console']);
    });
  });
});
