import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { PathAliases } from '../../../../src/lib/text/path-aliases.js';
import { Redactor } from '../../../../src/lib/text/redactor.js';
import { toId } from '../../../../src/protocol/ids.js';
import { LastLinesOfSubjob } from '../../../../src/slave/console/last-lines.js';
import { SubjobConsoles } from '../../../../src/slave/console/subjob-consoles.js';

const taken = { takes: ['last_lines'] };

describe('the last lines of a failed atom', () => {
  let directory: string;
  let consoles: SubjobConsoles;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'last-lines-'));
    consoles = new SubjobConsoles(
      join(directory, 'c'),
      1_000_000,
      new Redactor(['hunter2']),
      new PathAliases([]),
    );
  });
  afterEach(() => {
    consoles.close();
    rmSync(directory, { recursive: true });
  });

  function printed(output: string | Buffer) {
    const console = consoles.begin(toId.atom(0));
    const bytes = Buffer.from(output);
    for (let at = 0; at < bytes.length; at += 65_536) {
      console.write(bytes.subarray(at, at + 65_536));
    }
    console.end();
    return console;
  }
  const of = (output: string | Buffer, exitCode = 1) =>
    new LastLinesOfSubjob(taken).of(printed(output), exitCode).last_lines;

  it('are sent to a master that takes them, for atoms that failed', () => {
    expect(of('a\nb\n')).to.equal('a\nb');
    expect(of('')).to.equal('');
    expect(of('a', 0)).to.equal(undefined);
    expect(new LastLinesOfSubjob({}).of(printed('a'), 1)).to.deep.equal({});
    expect(new LastLinesOfSubjob({ takes: ['newer'] }).of(printed('a'), 1)).to.deep.equal({});
  });

  it('are at most twenty whole lines of two kibibytes together, or the end of one that is longer', () => {
    const lines = Array.from({ length: 500_000 }, (_, n) => `line ${n}`);
    expect(of(lines.join('\n'))).to.equal(lines.slice(-20).join('\n'));
    expect(of(`${'x'.repeat(3000)}\n${'y'.repeat(1500)}\nz\n`)).to.equal(`${'y'.repeat(1500)}\nz`);
    expect(of(`a\n${'é'.repeat(3000)}\n`)).to.equal('é'.repeat(1024));
    expect(of(`${'y'.repeat(2046)}\nz\n`)).to.equal(`${'y'.repeat(2046)}\nz`);
  });

  it('end with the last line for any output, within their limits', () => {
    const output = fc
      .array(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 9 }),
          fc.constant('\n'),
          fc.constant('x'.repeat(700)),
        ),
        { maxLength: 60 },
      )
      .map((parts) => Buffer.from(parts.join('')).toString());
    fc.assert(
      fc.property(output, (text) => {
        const lines = of(text) ?? 'none';
        expect(text.replace(/\n$/, '').endsWith(lines)).to.equal(true);
        expect(lines.split('\n').length).to.be.at.most(20);
        expect(Buffer.byteLength(lines)).to.be.at.most(2048);
      }),
    );
  });

  it('are masked like the console', () => {
    expect(of('password hunter2\n'))
      .to.match(/^password \S+$/)
      .and.not.contain('hunter2');
  });

  it('are not sent any more when a subjob has sent a mebibyte', () => {
    const ends = new LastLinesOfSubjob(taken);
    const console = printed('x'.repeat(2048));
    const sent = Array.from({ length: 600 }, () => ends.of(console, 1).last_lines?.length ?? 0);
    expect(sent.slice(0, 512).every((length) => length === 2048)).to.equal(true);
    expect(sent.slice(513).every((length) => length === 0)).to.equal(true);
  });
});
