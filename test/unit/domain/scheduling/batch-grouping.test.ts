import { expect } from 'chai';
import fc from 'fast-check';
import { groupAtoms } from '../../../../src/domain/scheduling/grouping.js';
import { regroup } from '../../../../src/domain/scheduling/grouping-plan.js';
import { toId } from '../../../../src/protocol/ids.js';

const atom = (index: number, expected: number | null) => ({ index, expected, stdDev: 0 });
const atoms = fc
  .array(fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: null }), { maxLength: 300 })
  .map((times) => times.map((expected, index) => atom(index, expected)));
const executors = fc.integer({ min: 0, max: 50 });
const size = fc.integer({ min: 2, max: 30 });
const assumed = fc.option(fc.double({ min: 0.001, max: 100, noNaN: true }), { nil: null });

const sizes = (groups: ReturnType<typeof groupAtoms>) => groups.map((group) => group.atoms.length);

describe('the groups of a job with batches', () => {
  it('have every atom once, and no more than a batch may have', () => {
    fc.assert(
      fc.property(atoms, executors, assumed, size, (list, width, mean, most) => {
        const groups = groupAtoms(list, width, mean, most);
        expect(groups.flatMap((group) => group.atoms).sort((a, b) => a - b)).to.deep.equal(
          list.map(({ index }) => index),
        );
        for (const count of sizes(groups)) {
          expect(count).to.be.within(1, most);
        }
      }),
    );
  });

  it('are as few for each executor as their size permits, and even', () => {
    const blind = Array.from({ length: 120 }, (_, index) => atom(index, null));
    expect(sizes(groupAtoms(blind, 2, null, 20))).to.deep.equal(Array(6).fill(20));
    expect(sizes(groupAtoms(blind, 4, null, 20))).to.deep.equal(Array(8).fill(15));
    expect(sizes(groupAtoms(blind, 50, null, 20)).every((count) => count <= 3)).to.equal(true);
    const known = blind.map(({ index }) => atom(index, 0.1));
    expect(sizes(groupAtoms(known, 2, null, 20))).to.deep.equal(Array(6).fill(20));
  });

  it('take about equally long', () => {
    const list = Array.from({ length: 120 }, (_, index) => atom(index, (index % 10) / 10 + 0.1));
    const times = groupAtoms(list, 2, null, 20).map(({ expected }) => expected ?? 0);
    expect(Math.max(...times) - Math.min(...times)).to.be.at.most(1);
  });

  it('leave an atom alone that takes longer than a group should', () => {
    const list = [atom(0, 100), ...Array.from({ length: 39 }, (_, index) => atom(index + 1, 0.1))];
    const [first] = groupAtoms(list, 2, null, 20);
    expect(first?.atoms).to.deep.equal([0]);
  });

  it('are smaller where the start of a tool hardly counts', () => {
    const list = Array.from({ length: 100 }, (_, index) => atom(index, 60));
    expect(Math.max(...sizes(groupAtoms(list, 4, null, 20)))).to.equal(1);
  });

  it('stay within the size when waiting atoms are grouped again', () => {
    const list = Array.from({ length: 40 }, (_, index) => atom(index, null));
    const waiting = [2, 3].map(toId.subjob);
    const { groups } = regroup(list, waiting, 4, { executors: 2, assumed: 0.1 }, 20);
    expect(sizes([...groups])).to.deep.equal([20, 20]);
  });
});
