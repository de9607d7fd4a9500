import { expect } from 'chai';
import fc from 'fast-check';
import { isOutdated, regroup } from '../../../../src/domain/scheduling/grouping-plan.js';
import { toId } from '../../../../src/protocol/ids.js';

const atom = fc.record({
  expected: fc.option(fc.double({ min: 0, max: 60, noNaN: true }), { nil: null }),
  stdDev: fc.double({ min: 0, max: 10, noNaN: true }),
});
/** Which of some subjobs wait, and atoms for these, one each at least. */
const waiting = fc
  .array(fc.boolean(), { minLength: 1, maxLength: 60 })
  .map((list) => ({
    total: list.length,
    ids: list.flatMap((waits, id) => (waits ? [toId.subjob(id)] : [])),
  }))
  .filter(({ ids }) => ids.length > 0)
  .chain(({ total, ids }) =>
    fc
      .array(atom, { minLength: ids.length, maxLength: ids.length + 100 })
      .map((atoms) => ({ total, ids, atoms: atoms.map((one, n) => ({ ...one, index: 1000 + n })) })),
  );
const plan = fc.record({
  executors: fc.integer({ min: 1, max: 300 }),
  assumed: fc.option(fc.double({ min: 0.001, max: 100, noNaN: true }), { nil: null }),
});

describe('regrouping', () => {
  it('keeps every atom, and subjobs numbered without gaps', () => {
    fc.assert(
      fc.property(waiting, plan, ({ total, ids, atoms }, how) => {
        const { groups, dropped } = regroup(atoms, ids, total, how);
        const members = groups.flatMap((group) => group.atoms).sort((a, b) => a - b);
        expect(members).to.deep.equal(atoms.map(({ index }) => index));
        expect(groups.every((group) => group.atoms.length > 0)).to.equal(true);
        const others = Array.from({ length: total }, (_, id) => id).filter(
          (id) => !ids.includes(toId.subjob(id)),
        );
        const after = [...others, ...groups.map(({ id }) => id)].sort((a, b) => a - b);
        expect(after).to.deep.equal(after.map((_, id) => id));
        const before = new Set<number>(ids);
        expect(dropped.every((id) => before.has(id) && id >= after.length)).to.equal(true);
      }),
    );
  });

  it('is due when executors become half as many again, or a third fewer, but not for less', () => {
    const ten = { executors: 10, assumed: null };
    expect([15, 14, 10, 7, 6, 1].map((executors) => isOutdated(ten, executors, null))).to.deep.equal([
      true,
      false,
      false,
      false,
      true,
      true,
    ]);
  });

  it('is not due when the last executor has left', () => {
    expect(isOutdated({ executors: 10, assumed: null }, 0, null)).to.equal(false);
  });

  it('is due when atoms turn out to take twice as long as assumed, or half as long, or nothing was assumed', () => {
    const of = (assumed: number | null, learned: number) => isOutdated({ executors: 1, assumed }, 1, learned);
    expect([of(null, 1), of(1, 1.5), of(1, 2), of(1, 0.5)]).to.deep.equal([true, false, true, true]);
  });
});
