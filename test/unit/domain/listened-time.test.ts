import { expect } from 'chai';
import fc from 'fast-check';
import { ListenedTime } from '../../../src/domain/listened-time.js';

describe('the time in which the master listened', () => {
  it('never goes back, never exceeds real time, and counts no more than the maximum of each gap', () => {
    const gaps = fc.array(fc.record({ ms: fc.integer({ min: 0, max: 100_000 }), isNoted: fc.boolean() }));
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 20_000 }), (list, most) => {
        const time = new ListenedTime(5, most);
        let now = 5;
        let noted = 5;
        let before = 0;
        let expected = 0;
        for (const { ms, isNoted } of list) {
          now += ms;
          const read = time.read(now);
          expect(read).to.be.within(before, now - 5);
          expect(read).to.equal(expected + Math.min(now - noted, most));
          before = read;
          if (isNoted) {
            expect(time.note(now)).to.equal(Math.max(0, now - noted - most));
            expected = read;
            noted = now;
          }
        }
      }),
    );
  });
});
