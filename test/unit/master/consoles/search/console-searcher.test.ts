import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../../../src/lib/clock.js';
import { ConsoleSearcher } from '../../../../../src/master/consoles/search/console-searcher.js';
import { toId } from '../../../../../src/protocol/ids.js';
import { failureOf } from '../../../../support/failure-of.js';
import { ManualClock } from '../../../../support/manual-clock.js';
import { blocksOf } from '../../../../support/subjob-archive.js';
import { until } from '../../../../support/until.js';

const staying = new AbortController().signal;
const request = { fromLine: 0, maxMatches: 10 };
const plain = (text: string) => ({ text, isRegex: false, isExact: false });
/** It takes ages on a long line, as each character may begin a match. */
const expensive = { text: '(?:.{300}y){3}', isRegex: true, isExact: true };
const longLine = { bytes: Buffer.alloc(1024 * 1024, 'x'), linesBefore: 0 };

describe('the thread that searches consoles', () => {
  let directory: string;
  let searcher: ConsoleSearcher;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'searcher-'));
    searcher = new ConsoleSearcher(systemClock);
  });
  afterEach(async () => {
    await searcher.close();
    rmSync(directory, { recursive: true });
  });

  const inMemory = (text: string, wanted: string, linesBefore = 0) =>
    searcher.search(
      { content: { bytes: Buffer.from(text), linesBefore }, wanted: plain(wanted), request },
      new AbortController().signal,
    );

  it('finds lines in a console in memory, numbered after those that are not kept', async () => {
    const { matches, total_num_lines } = await inMemory('one\ntwo\nthree', 'T', 100);
    expect(matches.map(({ line, text }) => [line, text])).to.deep.equal([
      [101, 'two'],
      [102, 'three'],
    ]);
    expect(total_num_lines).to.equal(103);
  });

  it('finds lines in the archive of a subjob', async () => {
    const console = Buffer.from(`${'nothing\n'.repeat(300_000)}the needle\n`);
    const { content, index } = await blocksOf(Buffer.concat([Buffer.alloc(512), console]));
    const archive = join(directory, '0.tar.gz');
    writeFileSync(archive, content);
    const marks = [1, 2].map((blocks) => Math.floor((blocks * 1024 * 1024 - 512) / 8));
    const ofAtom = { atom_id: toId.atom(0), offset: 512, bytes: console.length, lines: 300_001, marks };
    const search = (fromLine: number) =>
      searcher.search(
        {
          content: { archive, index, console: ofAtom },
          wanted: plain('needle'),
          request: { ...request, fromLine },
        },
        staying,
      );
    const found = await search(299_000);
    expect(found).to.include({ from_line: 299_000, done: true, total_num_lines: 300_001 });
    expect(found.matches).to.deep.equal([
      { line: 300_000, column: 4, length: 6, text: 'the needle', text_column: 0 },
    ]);
    rmSync(archive);
    expect(await failureOf(search(0))).to.have.property('code', 'RESULT_UNREADABLE');
  });

  it('refuses an invalid expression, and goes on with other searches', async () => {
    const content = { bytes: Buffer.from('a\n'), linesBefore: 0 };
    const wanted = { text: '(', isRegex: true, isExact: false };
    expect(await failureOf(searcher.search({ content, wanted, request }, staying))).to.have.property(
      'code',
      'INVALID_REQUEST',
    );
    expect((await inMemory('a\n', 'a')).matches).to.have.length(1);
  });

  it('ends for an expression that takes too long, and starts again for the next search', async () => {
    const clock = new ManualClock();
    const impatient = new ConsoleSearcher(clock);
    try {
      const search = failureOf(impatient.search({ content: longLine, wanted: expensive, request }, staying));
      let isOver = false;
      void search.then(() => {
        isOver = true;
      });
      await until(() => {
        if (clock.sleeping > 0) {
          clock.advance(1000);
        }
        return isOver;
      });
      expect(await search)
        .to.include({ code: 'INVALID_REQUEST' })
        .and.property('message')
        .to.contain('takes too long for one line');
      const content = { bytes: Buffer.from('a\n'), linesBefore: 0 };
      const found = await impatient.search({ content, wanted: plain('a'), request }, staying);
      expect(found.matches).to.have.length(1);
    } finally {
      await impatient.close();
    }
  });

  it('leaves out a search whose client has hung up before its turn', async () => {
    const first = inMemory('a\n', 'a');
    const leaving = new AbortController();
    const content = { bytes: Buffer.from('a\n'), linesBefore: 0 };
    const second = failureOf(searcher.search({ content, wanted: plain('a'), request }, leaving.signal));
    leaving.abort(new Error('gone'));
    expect(await second).to.have.property('message', 'gone');
    expect((await first).matches).to.have.length(1);
  });

  it('refuses a search when too many wait', async () => {
    const searches = Array.from({ length: 51 }, () => inMemory('a\n', 'a').catch((error: unknown) => error));
    const results = await Promise.all(searches);
    expect(results.at(-1)).to.include({ code: 'UNAVAILABLE', retryAfterSeconds: 5 });
    expect(results.filter((one) => one instanceof Error)).to.have.length(1);
  });

  it('ends what it searches when the master stops', async () => {
    const search = failureOf(searcher.search({ content: longLine, wanted: expensive, request }, staying));
    await searcher.close();
    expect(await search).to.include({ code: 'UNAVAILABLE' });
    expect(await failureOf(inMemory('a\n', 'a'))).to.include({ code: 'UNAVAILABLE' });
  });
});
