import { expect } from 'chai';
import fc from 'fast-check';
import { ConsoleWriter } from '../../../../src/cli/text/console-writer.js';
import type { ConsolePage } from '../../../../src/protocol/build/work.js';

describe('a console that is written while it grows', () => {
  /** A page as of a master. */
  function pageOf(text: string, offset: number, maxLines: number): ConsolePage {
    const lines = text.match(/[^\n]*\n|[^\n]+/g) ?? [];
    const shown = lines.slice(offset, offset + maxLines);
    return {
      offset_line: offset,
      num_lines: shown.length,
      total_num_lines: lines.length,
      content: shown.join(''),
    };
  }

  it('has every line once, however it grows and for any division into pages', () => {
    const growth = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '😀', '\n', 'b') }));
    fc.assert(
      fc.property(growth, fc.integer({ min: 1, max: 4 }), (parts, maxLines) => {
        let shown = '';
        let text = '';
        const writer = new ConsoleWriter((more) => {
          shown += more;
        }, false);
        for (const part of [...parts, '']) {
          text += part;
          for (let isLast = false; !isLast; ) {
            const page = pageOf(text, writer.nextLine, maxLines);
            writer.write(page);
            isLast = page.offset_line + page.num_lines >= page.total_num_lines;
          }
        }
        writer.end();
        expect(shown).to.equal(text === '' || text.endsWith('\n') ? text : `${text}\n`);
      }),
    );
  });

  it('says how many lines are left out', () => {
    let shown = '';
    const writer = new ConsoleWriter((more) => {
      shown += more;
    }, false);
    writer.write({ offset_line: 0, num_lines: 2, total_num_lines: 2, content: 'one\ntw' });
    writer.write({ offset_line: 5, num_lines: 1, total_num_lines: 6, content: 'six\n' });
    writer.end();
    expect(shown).to.equal(
      'one\ntw\n… clusterrunner: 4 lines are left out here until the atom has ended …\nsix\n',
    );
  });

  it('goes on in a line that ended within a character', () => {
    let shown = '';
    const writer = new ConsoleWriter((more) => {
      shown += more;
    }, false);
    writer.write({ offset_line: 0, num_lines: 1, total_num_lines: 1, content: 'progress: \ufffd' });
    writer.write({ offset_line: 0, num_lines: 1, total_num_lines: 1, content: 'progress: █ done\n' });
    expect(shown).to.equal('progress: \ufffd█ done\n');
  });

  it('strips sequences that span two pages, and resets colors at the end', () => {
    let shown = '';
    const writer = new ConsoleWriter((more) => {
      shown += more;
    }, true);
    writer.write({ offset_line: 0, num_lines: 1, total_num_lines: 1, content: 'a\u001b]0;ti' });
    writer.write({
      offset_line: 0,
      num_lines: 1,
      total_num_lines: 1,
      content: 'a\u001b]0;title\u0007\u001b[31mb',
    });
    writer.end();
    expect(shown).to.equal('a\u001b[31mb\u001b[0m\n');
  });
});
