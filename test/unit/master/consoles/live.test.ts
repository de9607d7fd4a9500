import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { LiveConsoles } from '../../../../src/master/consoles/live.js';
import { toId } from '../../../../src/protocol/ids.js';

const build = toId.build(1);
const atom = toId.atom(7);

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
      ['a\n', 'b', 'c\n', 'd'].map((text) => consoles.append(build, atom, Buffer.from(text))),
    );
    expect(await consoles.read(build, atom, { offsetLine: 0, maxLines: 10 })).to.deep.equal({
      offset_line: 0,
      num_lines: 3,
      total_num_lines: 3,
      content: 'a\nbc\nd',
    });
  });

  it('is nothing before anything was reported', async () => {
    expect(await consoles.read(build, atom, { offsetLine: null, maxLines: 10 })).to.equal(null);
  });

  it('outlives the master', async () => {
    await consoles.append(build, atom, Buffer.from('last words\n'));
    const again = new LiveConsoles(directory);
    await again.append(build, atom, Buffer.from('more\n'));
    const page = await again.read(build, atom, { offsetLine: null, maxLines: 10 });
    expect(page?.content).to.equal('last words\nmore\n');
  });

  it('keeps the end of one that prints without end, and goes on counting its lines', async () => {
    const line = `${'x'.repeat(999)}\n`;
    for (let i = 0; i < 50; i += 1) {
      await consoles.append(build, atom, Buffer.from(line.repeat(100)));
    }
    const page = await consoles.read(build, atom, { offsetLine: 0, maxLines: 1 });
    expect(page?.total_num_lines).to.equal(5000);
    expect(page?.offset_line).to.be.within(2900, 4100);
    const end = await consoles.read(build, atom, { offsetLine: null, maxLines: 1 });
    expect(end).to.include({ offset_line: 4999, num_lines: 1, content: line });
  });

  it('is forgotten with its file, also when an earlier run of the master wrote it', async () => {
    await consoles.append(build, atom, Buffer.from('of this run\n'));
    await consoles.append(build, toId.atom(8), Buffer.from('of an earlier run\n'));
    await consoles.forget(build, [toId.atom(6), atom]);
    const again = new LiveConsoles(directory);
    await again.forget(build, [toId.atom(8)]);
    expect(readdirSync(join(directory, '1'))).to.deep.equal([]);
    await again.append(build, atom, Buffer.from('a new attempt\n'));
    const page = await again.read(build, atom, { offsetLine: 0, maxLines: 10 });
    expect(page?.content).to.equal('a new attempt\n');
  });

  it('goes on behind a gap with the number of the line that comes next', async () => {
    await consoles.append(build, atom, Buffer.from('one\ntwo\nthr'));
    await consoles.append(build, atom, Buffer.from('line 100\nline 101\n'), 100);
    expect(await consoles.read(build, atom, { offsetLine: 2, maxLines: 10 })).to.deep.equal({
      offset_line: 100,
      num_lines: 2,
      total_num_lines: 102,
      content: 'line 100\nline 101\n',
    });
  });

  it('shows no part of a character', async () => {
    await consoles.append(build, atom, Buffer.from('done: █').subarray(0, -1));
    expect((await consoles.read(build, atom, { offsetLine: 0, maxLines: 10 }))?.content).to.equal('done: ');
    await consoles.append(build, atom, Buffer.from('█').subarray(-1));
    expect((await consoles.read(build, atom, { offsetLine: 0, maxLines: 10 }))?.content).to.equal('done: █');
  });

  it('starts from nothing for the next attempt', async () => {
    await consoles.append(build, atom, Buffer.from('first\n'));
    await consoles.forget(build, [atom]);
    await consoles.append(build, atom, Buffer.from('second\n'));
    const page = await consoles.read(build, atom, { offsetLine: 0, maxLines: 10 });
    expect(page?.content).to.equal('second\n');
  });
});
