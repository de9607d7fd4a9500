import { expect } from 'chai';
import fc from 'fast-check';
import { type LeaseSpan, lanesOf } from '../../../../../src/master/views/timeline/executor-lanes.js';

const spans = fc
  .array(
    fc.record({
      slave: fc.integer({ min: 1, max: 2 }),
      start: fc.nat({ max: 20 }),
      length: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.constant(Number.POSITIVE_INFINITY)),
    }),
    { maxLength: 20 },
  )
  .map((all) =>
    all.map(({ slave, start, length }, lease): LeaseSpan => ({ lease, slave, start, end: start + length })),
  );
const overlap = (a: LeaseSpan, b: LeaseSpan) => a.start < b.end && b.start < a.end;

describe('lanes for leases whose executors are not known', () => {
  it('hold no two leases of a slave at the same time', () => {
    fc.assert(
      fc.property(spans, (all) => {
        const lanes = lanesOf(all);
        for (const [at, one] of all.entries()) {
          for (const other of all.slice(at + 1)) {
            if (one.slave === other.slave && overlap(one, other)) {
              expect(lanes.get(one.lease)).not.to.equal(lanes.get(other.lease));
            }
          }
        }
      }),
    );
  });

  it('are as many as leases that a slave has at the same time at most', () => {
    fc.assert(
      fc.property(spans, (all) => {
        const lanes = lanesOf(all);
        for (const slave of [1, 2]) {
          const own = all.filter((span) => span.slave === slave);
          const atOnce = own.map(
            ({ start }) => own.filter((span) => span.start <= start && start < span.end).length,
          );
          const used = new Set(own.map(({ lease }) => lanes.get(lease)));
          expect(used.size).to.equal(Math.max(0, ...atOnce));
        }
      }),
    );
  });
});
