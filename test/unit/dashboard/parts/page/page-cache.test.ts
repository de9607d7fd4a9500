import { expect } from 'chai';
import fc from 'fast-check';
import { PageCache } from '../../../../../src/dashboard/parts/page/page-cache.js';

const PAGE_ROWS = 200;

/** Rows that are their own index. */
function pageOf(page: number, total: number): number[] {
  const first = page * PAGE_ROWS;
  return Array.from({ length: Math.max(0, Math.min(PAGE_ROWS, total - first)) }, (_, index) => first + index);
}

describe('the pages of a long list', () => {
  it('are loaded where rows are visible, each once', () => {
    const cache = new PageCache<number>(PAGE_ROWS);
    cache.want(0, 30);
    expect(cache.takeMissing()).to.deep.equal([0]);
    expect(cache.takeMissing()).to.deep.equal([]);
    cache.accept(0, pageOf(0, 1000), 1000);
    cache.want(390, 410);
    expect(cache.takeMissing()).to.deep.equal([1, 2]);
    expect(cache.row(7)).to.equal(7);
    expect(cache.row(399)).to.equal(null);
  });

  it('are loaded again when they are stale, and keep their rows until then', () => {
    const cache = new PageCache<number>(PAGE_ROWS);
    cache.takeMissing();
    cache.accept(0, pageOf(0, 10), 10);
    cache.invalidate();
    expect(cache.row(3)).to.equal(3);
    expect(cache.takeMissing()).to.deep.equal([0]);
  });

  it('are tried again after a failure', () => {
    const cache = new PageCache<number>(PAGE_ROWS);
    expect(cache.takeMissing()).to.deep.equal([0]);
    cache.fail(0);
    expect(cache.takeMissing()).to.deep.equal([0]);
  });

  it('need not be loaded any more once their rows are out of sight', () => {
    const cache = new PageCache<number>(PAGE_ROWS);
    cache.want(0, 450);
    expect(cache.takeMissing()).to.deep.equal([0, 1, 2]);
    cache.want(450, 500);
    expect(cache.unwanted()).to.deep.equal([0, 1]);
    cache.fail(0);
    cache.fail(1);
    expect(cache.unwanted()).to.deep.equal([]);
  });

  it('hold every visible row once all that is missing has arrived, and no more than a bound', () => {
    const steps = fc.array(fc.nat(100_000), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 100_000 }), (firsts, total) => {
        const cache = new PageCache<number>(PAGE_ROWS);
        for (const first of firsts) {
          const last = first + 60;
          cache.want(first, last);
          for (const page of cache.takeMissing()) {
            cache.accept(page, pageOf(page, total), total);
          }
          for (let index = first; index <= last; index += 1) {
            expect(cache.row(index)).to.equal(index < total ? index : null);
          }
        }
        const held = Array.from({ length: Math.ceil(total / PAGE_ROWS) }, (_, page) =>
          cache.row(page * PAGE_ROWS),
        );
        expect(held.filter((row) => row !== null).length).to.be.at.most(25);
      }),
    );
  });
});
