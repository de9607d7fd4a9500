import { expect } from 'chai';
import fc from 'fast-check';
import { simulate } from '../../../bench/fleet/simulate.js';
import type { Workload } from '../../../bench/fleet/workload.js';

const executorsOfSlaves = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 6 });
const seconds = fc.double({ min: 0.005, max: 100, noNaN: true });
const guess = fc.option(fc.double({ min: 0, max: 1000, noNaN: true }), { nil: null });
const exact = seconds.map((actual) => ({ expected: actual, actual }));
const wrong = fc.record({ expected: guess, actual: seconds });
const builds = (atom: fc.Arbitrary<Workload['builds'][number]['atoms'][number]>) =>
  fc.array(fc.record({ atoms: fc.array(atom, { minLength: 1, maxLength: 60 }) }), {
    minLength: 1,
    maxLength: 8,
  });

describe('grouping and scheduling together', () => {
  it('end no later than the bound of list scheduling when the history is right', () => {
    fc.assert(
      fc.property(executorsOfSlaves, builds(exact), (slaves, list) => {
        const { makespan, bound, executors } = simulate({ slaves, builds: list });
        expect(makespan).to.be.at.most((2 - 1 / executors) * bound + 1e-6);
      }),
    );
  });

  it('do all the work, each subjob once, whatever the history says', () => {
    fc.assert(
      fc.property(executorsOfSlaves, builds(wrong), (slaves, list) => {
        const { makespan, bound, atoms, subjobs } = simulate({ slaves, builds: list });
        expect(makespan).to.be.at.least(bound - 1e-6);
        expect(subjobs).to.be.at.most(atoms);
      }),
    );
  });
});
