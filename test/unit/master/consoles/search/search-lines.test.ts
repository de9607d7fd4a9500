import { expect } from 'chai';
import fc from 'fast-check';
import { stripControlChars } from '../../../../../src/lib/text/strip-control-chars.js';
import { type ConsoleSource, MAX_PAGE_BYTES } from '../../../../../src/master/consoles/page.js';
import { lineMatcher, type Wanted } from '../../../../../src/master/consoles/search/line-matcher.js';
import { searchLines } from '../../../../../src/master/consoles/search/search-lines.js';
import type { ConsoleSearch } from '../../../../../src/protocol/build/console-search.js';
import { consoleInMemory, linesOf } from '../../../../support/console-in-memory.js';

const never = () => false;
const plain = (text: string): Wanted => ({ text, isRegex: false, isExact: false });
const all = { fromLine: 0, maxMatches: 1_000_000 };

/** All matches of a search that is over after each group of lines, and how many requests it took. */
async function inRequests(source: ConsoleSource, wanted: Wanted, maxMatches: number) {
  const matches: ConsoleSearch['matches'] = [];
  for (let fromLine = 0, requests = 1; ; requests += 1) {
    const part = await searchLines(source, lineMatcher(wanted), { fromLine, maxMatches }, () => true);
    matches.push(...part.matches);
    expect(part.matches.length).to.be.at.most(maxMatches);
    if (part.done) {
      return { matches, requests };
    }
    expect(part.scanned_to_line, 'progress').to.be.greaterThan(fromLine);
    fromLine = part.scanned_to_line;
  }
}

const text = fc
  .array(
    fc.constantFrom(
      '\n',
      'a',
      'B',
      'ab',
      'É',
      '\r\n',
      ' ',
      '\u001b[31m',
      '\u001b]0;t',
      '\u009b1',
      '\u202e',
      '\u{1f600}',
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(''));

describe('a search in a console', () => {
  it('finds exactly the lines that contain the text, for any division of the console into pieces and requests', async () => {
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.constantFrom('a', 'AB', 'é', 'b ', '.', '\u{1f600}'),
        fc.boolean(),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 5 }),
        async (console, wanted, isExact, pieceBytes, stride, maxMatches) => {
          const source = consoleInMemory(Buffer.from(console), pieceBytes, stride);
          const fold = (one: string) => (isExact ? one : one.toLowerCase());
          const expected = linesOf(console)
            .map((line, number) => ({ number, column: fold(stripControlChars(line)).indexOf(fold(wanted)) }))
            .filter(({ column }) => column !== -1);
          const { matches } = await inRequests(source, { text: wanted, isRegex: false, isExact }, maxMatches);
          expect(matches.map(({ line, column }) => ({ number: line, column }))).to.deep.equal(expected);
        },
      ),
    );
  });

  it('finds exactly the lines that match an expression, which knows where they begin and end', async () => {
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.constantFrom('^a', 'b$', '^$', 'a.*b', '\\s', '[^a]b?$'),
        fc.boolean(),
        fc.integer({ min: 1, max: 20 }),
        async (console, wanted, isExact, pieceBytes) => {
          const source = consoleInMemory(Buffer.from(console), pieceBytes, 7);
          const expression = new RegExp(wanted, isExact ? 'u' : 'iu');
          const visible = linesOf(console).map((line) => stripControlChars(line).replace('\n', ''));
          const expected = [...visible.keys()].filter((number) => expression.test(visible[number] ?? ''));
          const { matches } = await inRequests(source, { text: wanted, isRegex: true, isExact }, 3);
          expect(matches.map(({ line }) => line)).to.deep.equal(expected);
        },
      ),
    );
  });

  it('is of visible text: colors within the text do not hide it, and each match says where it is', async () => {
    const source = consoleInMemory(
      Buffer.from('ok\n\u001b[31mErr\u001b[0mor: \u001b]0;title\u0007no\u202e way\n'),
      9,
      100,
    );
    const { matches } = await searchLines(source, lineMatcher(plain('error: no w')), all, never);
    expect(matches).to.deep.equal([
      { line: 1, column: 0, length: 11, text: 'Error: no way', text_column: 0 },
    ]);
  });

  it('takes operators of expressions as they are in plain text', async () => {
    const source = consoleInMemory(Buffer.from('a.b\naxb\n(*[$^\\\n'), 100, 100);
    const lines = async (wanted: string) =>
      (await searchLines(source, lineMatcher(plain(wanted)), all, never)).matches.map(({ line }) => line);
    expect(await lines('A.B')).to.deep.equal([0]);
    expect(await lines('(*[$^\\')).to.deep.equal([2]);
  });

  it('shows of a long line the part around the match, in whole characters', async () => {
    const line = `${'\u{1f600}'.repeat(1000)}needle${'\u{1f600}'.repeat(1000)}`;
    const source = consoleInMemory(Buffer.from(line), 4096, 100_000);
    const [match] = (await searchLines(source, lineMatcher(plain('NEEDLE')), all, never)).matches;
    expect(match).to.include({ line: 0, column: 2000, length: 6 });
    expect(match?.text).to.have.length.within(390, 400).and.contain('needle');
    expect(match?.text).to.equal(
      line.slice(match?.text_column, (match?.text_column ?? 0) + (match?.text.length ?? 0)),
    );
    expect(match?.text).to.equal(Buffer.from(match?.text ?? '').toString());
  });

  it('searches of a line that is too long the part that the pages show, and the lines after it', async () => {
    const long = Buffer.alloc(3 * MAX_PAGE_BYTES + 5, 'x');
    long.write('inside', MAX_PAGE_BYTES - 6);
    long.write('beyond', MAX_PAGE_BYTES + 1);
    const source = consoleInMemory(
      Buffer.concat([Buffer.from('1\n'), long, Buffer.from('\nbeyond inside\n')]),
      65_536,
      MAX_PAGE_BYTES,
    );
    const found = async (wanted: string) => {
      const { matches, requests } = await inRequests(source, plain(wanted), 10);
      return { lines: matches.map(({ line }) => line), requests };
    };
    expect((await found('inside')).lines).to.deep.equal([1, 2]);
    expect((await found('beyond')).lines).to.deep.equal([2]);
  });

  it('stops when its time is over, but never without progress', async () => {
    const line = `${'x'.repeat(999)}\n`;
    const source = consoleInMemory(Buffer.from(line.repeat(500)), 65_536, 65_536);
    const part = await searchLines(source, lineMatcher(plain('y')), all, () => true);
    expect(part).to.include({ done: false, total_num_lines: 500 });
    expect(part.scanned_to_line).to.be.within(1, 499);
  });

  it('replaces what is no UTF-8, and finds what is beside it', async () => {
    const source = consoleInMemory(Buffer.from([0xff, 0xc3, 0x28, 0x00, 0x61, 0x0a, 0xe2, 0x82]), 3, 100);
    const { matches } = await searchLines(source, lineMatcher(plain('(a')), all, never);
    expect(matches).to.deep.equal([
      { line: 0, column: 2, length: 2, text: '\ufffd\ufffd(a', text_column: 0 },
    ]);
  });

  it('beyond the end finds nothing and is done', async () => {
    const source = consoleInMemory(Buffer.from('a\n'), 100, 100);
    expect(
      await searchLines(source, lineMatcher(plain('a')), { fromLine: 9, maxMatches: 5 }, never),
    ).to.deep.equal({
      matches: [],
      from_line: 1,
      scanned_to_line: 1,
      done: true,
      total_num_lines: 1,
    });
  });

  it('begins with the first line that is kept', async () => {
    const kept = consoleInMemory(Buffer.from('a\na\n'), 100, 100);
    const source = { ...kept, totalLines: 12, placeBefore: () => ({ position: 0, lineEnds: 10 }) };
    const found = await searchLines(source, lineMatcher(plain('a')), { fromLine: 3, maxMatches: 5 }, never);
    expect(found).to.include({ from_line: 10, scanned_to_line: 12, done: true });
    expect(found.matches.map(({ line }) => line)).to.deep.equal([10, 11]);
  });

  it('fails for a console that ends before its last line, as an index may lie', async () => {
    const source = { ...consoleInMemory(Buffer.from('a\n'), 100, 100), totalLines: 1e9 };
    const failure = await searchLines(source, lineMatcher(plain('z')), all, never).catch(String);
    expect(failure).to.equal('Error: A console has fewer lines than its index says.');
  });

  it('refuses a text of several lines', () => {
    expect(() => lineMatcher(plain('a\nb'))).to.throw('q has a line feed');
  });

  it('refuses an expression that RE2 does not know', () => {
    for (const source of ['(', '(?=a)', '(a)\\1', 'a{1001}']) {
      expect(() => lineMatcher({ text: source, isRegex: true, isExact: false }), source)
        .to.throw('must be that of RE2')
        .with.property('code', 'INVALID_REQUEST');
    }
  });
});
