import { expect } from 'chai';
import fc from 'fast-check';
import { AtomChanges } from '../../../../src/master/state/atom-changes.js';
import { toId } from '../../../../src/protocol/ids.js';

const atoms = (...ids: number[]) => ids.map(toId.atom);
const REMEMBERED = 32_768;

describe('the changes of the atoms of a build', () => {
  it('since a count are those that were noted after it, each once', () => {
    const changes = new AtomChanges();
    const first = changes.count;
    changes.note(atoms(3, 1));
    const second = changes.count;
    changes.note(atoms(1, 2));
    expect(changes.since(first)).to.deep.equal([3, 1, 2]);
    expect(changes.since(second)).to.deep.equal([1, 2]);
    expect(changes.since(changes.count)).to.deep.equal([]);
  });

  it('are unknown before anybody has asked, and for a count that was never given', () => {
    const changes = new AtomChanges();
    changes.note(atoms(1));
    expect(changes.since(0)).to.equal(null);
    expect(changes.since(changes.count + 1)).to.equal(null);
  });

  it('are unknown since a count before any atom may have changed', () => {
    const changes = new AtomChanges();
    const before = changes.count;
    changes.noteAll();
    expect(changes.since(before)).to.equal(null);
    const after = changes.count;
    changes.note(atoms(5));
    expect(changes.since(after)).to.deep.equal([5]);
  });

  it('are the last ones, or unknown, however many there are', () => {
    const step = fc.oneof(
      fc.nat({ max: 30_000 }).map((times) => ({ times })),
      fc.constant('all' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), (steps) => {
        const changes = new AtomChanges();
        const seen: { count: number; later: Set<number>; isLost: boolean }[] = [];
        let next = 0;
        for (const one of steps) {
          seen.push({ count: changes.count, later: new Set(), isLost: false });
          if (one === 'all') {
            changes.noteAll();
            for (const each of seen) {
              each.isLost = true;
            }
            continue;
          }
          const ids = Array.from({ length: one.times }, () => next++ % 50_000);
          changes.note(atoms(...ids));
          for (const { later } of seen) {
            for (const id of ids) {
              later.add(id);
            }
          }
        }
        for (const { count, later, isLost } of seen) {
          const since = changes.since(count);
          if (isLost) {
            expect(since).to.equal(null);
          } else if (changes.count - count <= REMEMBERED) {
            expect(new Set<number>(since)).to.deep.equal(later);
          } else {
            expect(since).to.equal(null);
          }
        }
      }),
      { numRuns: 8 },
    );
  });
});
