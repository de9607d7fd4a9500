import { expect } from 'chai';
import fc from 'fast-check';
import { parentsFirst } from '../../../../src/process/containment/family.js';
import type { ProcessEntry } from '../../../../src/process/containment/process-table.js';

describe('parentsFirst', () => {
  it('puts each process once after its parent, in whatever order they were found', () => {
    // Reused pids can even form a cycle.
    const entry = fc.record({
      pid: fc.integer({ min: 2, max: 30 }),
      parent: fc.integer({ min: 1, max: 30 }),
    });
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: ({ pid }) => pid }), (found) => {
        const entries: ProcessEntry[] = found.map((one) => ({
          ...one,
          name: 'sh',
          group: 1,
          session: 1,
          began: '1',
        }));
        const ordered = parentsFirst(entries);
        expect([...ordered].sort((a, b) => a.pid - b.pid)).to.deep.equal(
          [...entries].sort((a, b) => a.pid - b.pid),
        );
        const placeOf = new Map(ordered.map(({ pid }, place) => [pid, place]));
        for (const { pid, parent } of entries) {
          if (!isInCircle(found, pid)) {
            expect(placeOf.get(parent) ?? -1).to.be.lessThan(placeOf.get(pid) ?? -1);
          }
        }
      }),
    );
  });
});

/** Whether going from parent to parent never comes to an end. */
function isInCircle(
  found: readonly { readonly pid: number; readonly parent: number }[],
  from: number,
): boolean {
  const parents = new Map(found.map(({ pid, parent }) => [pid, parent]));
  let one: number | undefined = from;
  for (let steps = 0; one !== undefined; steps += 1) {
    if (steps > found.length) {
      return true;
    }
    one = parents.get(one);
  }
  return false;
}
