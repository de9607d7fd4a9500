import { expect } from 'chai';
import fc from 'fast-check';
import {
  firstFrom,
  goesOn,
  matchIn,
  nextMatch,
  notSearched,
  searchedFurther,
  withMoreLines,
  withMoreMatches,
} from '../../../../../src/dashboard/pages/atom/console/search-progress.js';
import type { ConsoleSearch } from '../../../../../src/protocol/build/console-search.js';

const part = (lines: readonly number[], scanned: number, total: number): ConsoleSearch => ({
  matches: lines.map((line) => ({ line, column: 1, length: 2, text: 'text', text_column: 0 })),
  from_line: 0,
  scanned_to_line: scanned,
  done: scanned >= total,
  total_num_lines: total,
});
const matchesOf = (lines: readonly number[]) => lines.map((line) => ({ line, column: 0, length: 1 }));
const sortedLines = fc
  .uniqueArray(fc.nat(50), { maxLength: 20 })
  .map((list) => list.toSorted((a, b) => a - b));

describe('a search in a console', () => {
  it('has the matches of all responses once, and goes on until it has searched everything', () => {
    let search = searchedFurther(notSearched, part([3, 7], 10, 20));
    expect([search.fromLine, goesOn(search)]).to.deep.equal([10, true]);
    search = searchedFurther(search, part([7, 12], 20, 20));
    expect(search.matches.map(({ line }) => line)).to.deep.equal([3, 7, 12]);
    expect([search.isDone, goesOn(search)]).to.deep.equal([true, false]);
  });

  it('goes on with the last line when the console has grown', () => {
    const done = searchedFurther(notSearched, part([3], 20, 20));
    expect(withMoreLines(done, 20)).to.equal(done);
    expect(withMoreLines(done, 25)).to.include({ isDone: false, fromLine: 19 });
  });

  it('stops at thousands of matches until more are wanted', () => {
    const lines = Array.from({ length: 5_000 }, (_, n) => n);
    const search = searchedFurther(notSearched, part(lines, 5_000, 1_000_000));
    expect(goesOn(search)).to.equal(false);
    expect(goesOn(withMoreMatches(search))).to.equal(true);
  });

  it('leads from each match to the next and back, around the end', () => {
    fc.assert(
      fc.property(sortedLines, fc.nat(50), (lines, from) => {
        const matches = matchesOf(lines);
        const go = (line: number, isMatch: boolean, direction: 1 | -1) => {
          const place = nextMatch(matches, { line, isMatch, direction });
          return place === null ? null : (lines[place] ?? null);
        };
        const isMatch = lines.includes(from);
        const after = lines.find((line) => (isMatch ? line > from : line >= from)) ?? lines[0] ?? null;
        const before = lines.findLast((line) => line < from) ?? lines.at(-1) ?? null;
        expect(go(from, isMatch, 1)).to.equal(after);
        expect(go(from, isMatch, -1)).to.equal(before);
        // A visible line that is no current match is found itself.
        expect(go(from, false, 1)).to.equal(lines.find((line) => line >= from) ?? lines[0] ?? null);
        expect(firstFrom(matches, from)).to.equal(lines.filter((line) => line < from).length);
        expect(matchIn(matches, from)?.line ?? null).to.equal(isMatch ? from : null);
      }),
    );
  });
});
