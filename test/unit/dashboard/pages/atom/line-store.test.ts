import { expect } from 'chai';
import fc from 'fast-check';
import {
  type LineRequest,
  LineStore,
  MAX_KEPT,
} from '../../../../../src/dashboard/pages/atom/console/line-store.js';
import type { ConsolePage } from '../../../../../src/protocol/build/work.js';

const lineOf = (n: number) => `line ${n}`;

/** Responds like a master whose responses have at most `maxUnits` characters, and at least one line. */
function pageOf(
  lines: readonly string[],
  request: LineRequest | null,
  maxUnits = 1_000_000,
  firstKept = 0,
): ConsolePage {
  const offset = Math.max(firstKept, request?.offset_line ?? Math.max(0, lines.length - 200));
  const content: string[] = [];
  let units = 0;
  for (const line of lines.slice(offset, offset + (request?.max_lines ?? 200))) {
    units += line.length + 1;
    if (content.length > 0 && units > maxUnits) {
      break;
    }
    content.push(`${line}\n`);
  }
  return {
    offset_line: offset,
    num_lines: content.length,
    total_num_lines: lines.length,
    content: content.join(''),
  };
}

/** Loads until all wanted lines are there. @returns the number of requests */
function load(store: LineStore, lines: readonly string[], maxUnits?: number, firstKept?: number): number {
  let requests = 0;
  for (let request = store.missing(); request !== null; request = store.missing()) {
    store.accept(pageOf(lines, request, maxUnits, firstKept), request);
    requests += 1;
    expect(requests, 'requests').to.be.at.most(3000);
  }
  return requests;
}

describe('the loaded lines of a console', () => {
  it('are those that are visible, wherever somebody scrolls, and however many fit into a response', () => {
    fc.assert(
      fc.property(
        fc.nat(3000),
        fc.array(fc.tuple(fc.nat(3000), fc.nat(80)), { minLength: 1, maxLength: 8 }),
        fc.constantFrom(20, 300, 1_000_000),
        fc.constantFrom(0, 0, 700),
        (count, moves, maxUnits, kept) => {
          const lines = Array.from({ length: count }, (_, n) => lineOf(n));
          const firstKept = Math.min(kept, count);
          const store = new LineStore();
          store.accept(pageOf(lines, null, maxUnits, firstKept), null);
          for (const [first, more] of moves) {
            store.want(first, first + more);
            load(store, lines, maxUnits, firstKept);
            for (let n = Math.max(first, firstKept); n <= Math.min(first + more, count - 1); n += 1) {
              expect(store.line(n)?.raw).to.equal(lineOf(n));
            }
          }
          expect(store.total).to.equal(count);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('take few requests while somebody reads line by line', () => {
    const lines = Array.from({ length: 5000 }, (_, n) => lineOf(n));
    const store = new LineStore();
    store.accept(pageOf(lines, null), null);
    let requests = 0;
    for (let first = 0; first < 4900; first += 7) {
      store.want(first, first + 60);
      requests += load(store, lines);
    }
    expect(requests).to.be.at.most(10);
  });

  it('continue styles in the same way, from wherever somebody comes', () => {
    const lines = Array.from({ length: 1000 }, (_, n) => (n === 510 ? '\u001b[31mred' : lineOf(n)));
    const styleAt = (first: number) => {
      const store = new LineStore();
      store.accept(pageOf(lines, { offset_line: 0, max_lines: 1 }), { offset_line: 0, max_lines: 1 });
      store.want(first, first + 10);
      load(store, lines);
      return store.line(first + 5)?.styleBefore.color;
    };
    expect(styleAt(600)).to.equal('red');
    expect(styleAt(510)).to.equal('red');
    expect(styleAt(490)).to.equal('');
  });

  it('of very long lines are loaded from the visible one on, and kept in part', () => {
    const lines = Array.from({ length: 600 }, (_, n) => `${n}${'x'.repeat(n === 400 ? 2 * MAX_KEPT : 2000)}`);
    const store = new LineStore();
    store.accept(pageOf(lines, null, 4000), null);
    store.want(400, 402);
    expect(load(store, lines, 4000)).to.be.at.most(300);
    expect(store.line(400)).to.include({ dropped: MAX_KEPT + 3 });
    store.want(300, 302);
    expect(load(store, lines, 4000)).to.be.at.most(3);
  });

  it('are renewed when the last one grows', () => {
    const store = new LineStore();
    const page = (content: string, num_lines: number): ConsolePage => ({
      offset_line: 0,
      num_lines,
      total_num_lines: num_lines,
      content,
    });
    store.accept(page('a\nb', 2), null);
    store.accept({ ...page('', 0), total_num_lines: 4 }, { offset_line: 9, max_lines: 1 });
    expect([store.line(0)?.raw, store.line(1), store.total]).to.deep.equal(['a', null, 4]);
    store.accept(page('a\nbc', 2 + 2), null);
    expect(store.line(1)?.raw).to.equal('bc');
  });

  it('are forgotten when the console begins again', () => {
    const store = new LineStore();
    const lines = Array.from({ length: 300 }, (_, n) => lineOf(n));
    store.accept(pageOf(lines, null), null);
    store.accept(pageOf(['new'], null), null);
    expect([store.total, store.line(0)?.raw, store.line(150)]).to.deep.equal([1, 'new', null]);
  });

  it('take bounded memory', () => {
    const lines = Array.from({ length: 100_000 }, (_, n) => lineOf(n));
    const store = new LineStore();
    store.accept(pageOf(lines, null), null);
    for (let first = 0; first < 100_000; first += 400) {
      store.want(first, first + 50);
      load(store, lines);
    }
    const kept = lines.filter((_, n) => store.line(n) !== null).length;
    expect(kept).to.be.within(5_000, 20_500);
  });
});
