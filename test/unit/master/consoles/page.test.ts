import { expect } from 'chai';
import fc from 'fast-check';
import { MAX_PAGE_BYTES, readPage } from '../../../../src/master/consoles/page.js';
import { consoleInMemory, linesOf } from '../../../support/console-in-memory.js';

const text = fc
  .array(fc.constantFrom('\n', 'a', 'bc', 'ü', '\r\n', ' '), { maxLength: 60 })
  .map((parts) => parts.join(''));

describe('a page of a console', () => {
  it('has exactly the requested lines, for any division of the console into pieces', async () => {
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        fc.nat(40),
        fc.integer({ min: 1, max: 40 }),
        async (console, pieceBytes, stride, offsetLine, maxLines) => {
          const source = consoleInMemory(Buffer.from(console), pieceBytes, stride);
          const page = await readPage(source, { offsetLine, maxLines });
          const expected = linesOf(console).slice(offsetLine, offsetLine + maxLines);
          expect(page).to.deep.equal({
            offset_line: offsetLine,
            num_lines: expected.length,
            total_num_lines: linesOf(console).length,
            content: expected.join(''),
          });
        },
      ),
    );
  });

  it('has the last lines when no offset is given', async () => {
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 40 }), async (console, maxLines) => {
        const page = await readPage(consoleInMemory(Buffer.from(console), 7, 5), {
          offsetLine: null,
          maxLines,
        });
        expect(page.content).to.equal(linesOf(console).slice(-maxLines).join(''));
      }),
    );
  });

  it('ends before its size limit, and the next page goes on there', async () => {
    const line = `${'x'.repeat(300_000)}\n`;
    const source = consoleInMemory(Buffer.from(line.repeat(10)), 65_536, 1_000_000);
    const page = await readPage(source, { offsetLine: 2, maxLines: 8 });
    expect(page.num_lines).to.equal(3);
    expect(page.content).to.equal(line.repeat(3));
  });

  it('reaches the end when the last lines are requested, even if not all of them fit', async () => {
    const line = `${'x'.repeat(300_000)}\n`;
    const source = consoleInMemory(Buffer.from(line.repeat(10)), 65_536, 1_000_000);
    const page = await readPage(source, { offsetLine: null, maxLines: 8 });
    expect(page.offset_line + page.num_lines).to.equal(10);
  });

  it('cuts a line that is larger than a page', async () => {
    const source = consoleInMemory(Buffer.from(`${'x'.repeat(3_000_000)}\nend\n`), 65_536, 1_000_000);
    const page = await readPage(source, { offsetLine: 0, maxLines: 5 });
    expect(page.num_lines).to.equal(1);
    expect(page.content).to.equal(`${'x'.repeat(MAX_PAGE_BYTES)}…\n`);
    const next = await readPage(source, { offsetLine: 1, maxLines: 5 });
    expect(next.content).to.equal('end\n');
  });

  it('replaces bytes that are not UTF-8', async () => {
    const source = consoleInMemory(Buffer.from([0xff, 0x41, 0x0a]), 10, 10);
    expect((await readPage(source, { offsetLine: 0, maxLines: 1 })).content).to.equal('\ufffdA\n');
  });
});
