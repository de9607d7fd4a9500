import { expect } from 'chai';
import fc from 'fast-check';
import { asMaster, simulate } from '../../../bench/fleet/simulate.js';
import type { AtomInFleet, SlaveInFleet } from '../../../bench/fleet/workload.js';
import { MAX_LOSSES } from '../../../src/domain/lease.js';

const stays = fc.integer({ min: 1, max: 6 }).map((executors) => ({ executors, joins: 0, vanishes: null }));
const comes = fc.record({
  executors: fc.integer({ min: 1, max: 6 }),
  joins: fc.double({ min: 0, max: 200, noNaN: true }),
  vanishes: fc.option(fc.double({ min: 0, max: 500, noNaN: true }), { nil: null }),
});
const fleet = fc.array(stays, { minLength: 1, maxLength: 6 });
/** The first slave stays; the others come and go as they like. */
const changing: fc.Arbitrary<SlaveInFleet[]> = fc
  .tuple(stays, fc.array(comes, { maxLength: 6 }))
  .map(([first, others]) => [
    first,
    ...others.map((one) => ({ ...one, vanishes: one.vanishes === null ? null : one.joins + one.vanishes })),
  ]);
const seconds = fc.double({ min: 0.005, max: 100, noNaN: true });
const guess = fc.record({
  seconds: fc.double({ min: 0, max: 1000, noNaN: true }),
  variance: fc.double({ min: 0, max: 1000, noNaN: true }),
  count: fc.integer({ min: 1, max: 9 }),
});
const exact: fc.Arbitrary<AtomInFleet> = seconds.map((actual) => ({
  history: { seconds: actual, variance: 0, count: 9 },
  actual,
}));
const wrong: fc.Arbitrary<AtomInFleet> = fc.record(
  {
    history: fc.option(guess, { nil: null }),
    actual: seconds,
    stuck: fc.double({ min: 0.01, max: 900, noNaN: true }),
  },
  { requiredKeys: ['history', 'actual'] },
);
const buildsOf = (atom: fc.Arbitrary<AtomInFleet>, latest: number) =>
  fc.array(
    fc.record({
      arrives: fc.double({ min: 0, max: latest, noNaN: true }),
      atoms: fc.array(atom, { minLength: 1, maxLength: 60 }),
    }),
    { minLength: 1, maxLength: 8 },
  );
const settings = fc.record({
  history: fc.boolean(),
  regroups: fc.boolean(),
  speculative: fc.boolean(),
  handOut: fc.constantFrom(0, 0.03),
});

describe('grouping and scheduling together', () => {
  it('end no later than the bound of list scheduling when the history is right (Graham 1966)', () => {
    fc.assert(
      fc.property(fleet, buildsOf(exact, 0), fc.boolean(), (slaves, builds, speculative) => {
        const { makespan, bound, executors } = simulate({ slaves, builds }, { ...asMaster, speculative });
        expect(makespan).to.be.at.most((2 - 1 / executors) * bound + 1e-6);
      }),
    );
  });

  it('end within twice the bound even when builds and executors come later', () => {
    const later = fc
      .array(stays, { minLength: 1, maxLength: 6 })
      .chain((slaves) =>
        fc.tuple(
          ...slaves.map((slave, n) =>
            fc
              .double({ min: 0, max: 200, noNaN: true })
              .map((joins) => ({ ...slave, joins: n === 0 ? 0 : joins })),
          ),
        ),
      );
    fc.assert(
      fc.property(later, buildsOf(exact, 200), (slaves, builds) => {
        const { makespan, bound } = simulate({ slaves, builds });
        expect(makespan).to.be.at.most(2 * bound + 1e-6);
      }),
    );
  });

  it('run every atom once, whatever the history says and whichever slaves join and are lost', () => {
    fc.assert(
      fc.property(changing, buildsOf(wrong, 200), settings, (slaves, builds, how) => {
        const { makespan, handOuts, lost } = simulate({ slaves, builds }, how);
        const longest = Math.max(
          ...builds.flatMap(({ atoms }) =>
            atoms.map(({ actual, stuck }) => Math.min(actual, stuck ?? actual)),
          ),
        );
        const vanishing = slaves.filter(({ vanishes }) => vanishes !== null).length;
        expect(lost === 0 || vanishing >= MAX_LOSSES).to.equal(true);
        expect(lost > 0 || makespan >= longest - 1e-6).to.equal(true);
        expect(handOuts).to.be.at.least(builds.length);
      }),
    );
  });
});
