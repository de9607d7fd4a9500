import { expect } from 'chai';
import fc from 'fast-check';
import { RecentFailures } from '../../../src/domain/recent-failures.js';
import { MAX_FAILURES_KEPT } from '../../../src/protocol/build/activity.js';
import { toId } from '../../../src/protocol/ids.js';

const failure = (atom: number) => ({
  atom_id: toId.atom(atom),
  name: `atom ${atom}`,
  outcome: 'FAILED' as const,
  slave: 's',
  seconds: 1,
  exit_code: 1,
});

describe('the recent failures of a build', () => {
  it('have numbers by which a reader that polls sees each one, or how many it has missed', () => {
    const counts = fc.array(fc.nat({ max: 30 }), { maxLength: 20 });
    fc.assert(
      fc.property(fc.nat({ max: 5 }), counts, fc.nat({ max: 3 }), (before, rounds, passed) => {
        const failures = new RecentFailures(before);
        let [known, happened] = [before, before];
        for (const count of rounds) {
          for (let n = 0; n < count; n += 1) {
            happened += 1;
            failures.note(failure(happened));
          }
          failures.skip(passed);
          happened += passed;
          const news = failures.latest.filter(({ number }) => number > known);
          const missed = failures.total - known - news.length;
          expect(failures.total).to.equal(happened);
          expect(failures.latest.length).to.be.at.most(MAX_FAILURES_KEPT);
          expect(news.every(({ number, name }) => name === `atom ${number}`)).to.equal(true);
          expect(missed).to.equal(Math.max(0, count - MAX_FAILURES_KEPT) + passed);
          known = failures.total;
        }
      }),
    );
  });
});
