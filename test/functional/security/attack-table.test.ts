import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { repositoryRoot } from '../../support/cluster.js';

const TEST = /^`(test\/[\w/.-]+\.test\.ts)`: "(.+)"$/;

/** The cells of each row of the table under the heading. */
function rowsUnder(page: string, heading: string): string[][] {
  const [, section = ''] = page.split(`\n${heading}\n`);
  return section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) =>
      line
        .slice(1, -1)
        .split(/ \| |^ | $/)
        .filter((cell) => cell !== ''),
    );
}

/** Whether the file has a test with this title, or generates one from a list. */
function hasTest(source: string, title: string): boolean {
  const quotes = ["'", '"', '`'];
  const isWritten = quotes.some((quote) => source.includes(`it(${quote}${title}${quote}`));
  const made = [...source.matchAll(/it\(`([^`$]*)\$\{\w+\}`/g)].map(([, start = '']) => start);
  return (
    isWritten ||
    made.some((start) => title.startsWith(start) && source.includes(`'${title.slice(start.length)}'`))
  );
}

describe('the table of attacks in docs/security.md', () => {
  const page = readFileSync(join(repositoryRoot, 'docs', 'security.md'), 'utf8');
  const rows = rowsUnder(page, '## Attacks and their tests');

  it('names an existing test in each row', () => {
    expect(rows.length).to.be.above(40);
    for (const row of rows) {
      expect(row, row.join(' | ')).to.have.lengthOf(3);
      const [, file = '', title = ''] = TEST.exec(row[2] ?? '') ?? expect.fail(`Not a test: ${row[2]}`);
      const path = join(repositoryRoot, file);
      expect(existsSync(path), file).to.equal(true);
      expect(hasTest(readFileSync(path, 'utf8'), title), `${file}: ${title}`).to.equal(true);
    }
  });

  it('names no test twice', () => {
    const tests = rows.map((row) => row[2]);
    expect(new Set(tests).size).to.equal(tests.length);
  });
});
