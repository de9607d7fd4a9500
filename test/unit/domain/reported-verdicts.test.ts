import { expect } from 'chai';
import fc from 'fast-check';
import { ReportedVerdicts } from '../../../src/domain/reported-verdicts.js';
import { toId } from '../../../src/protocol/ids.js';

describe('verdicts that were reported', () => {
  const report = fc.record({
    subjob: fc.nat({ max: 3 }).map(toId.subjob),
    atom: fc.nat({ max: 3 }),
    exitCode: fc.constantFrom(0, 1, 2),
    seconds: fc.option(fc.nat({ max: 100 })),
    settles: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  });

  it('count by the latest report of each atom until their subjob is done', () => {
    fc.assert(
      fc.property(fc.array(report, { maxLength: 40 }), (reports) => {
        const verdicts = new ReportedVerdicts();
        const model = new Map<string, { subjob: number; exitCode: number; seconds: number | null }>();
        for (const { subjob, atom, exitCode, seconds, settles } of reports) {
          const id = toId.atom(10 * subjob + atom);
          if (settles) {
            verdicts.settle(subjob);
            for (const [key, one] of model) {
              if (one.subjob === subjob) {
                model.delete(key);
              }
            }
          } else {
            verdicts.note(subjob, id, { exitCode, seconds, lease: null });
            model.set(String(id), { subjob, exitCode, seconds });
          }
          const known = [...model.values()];
          const timed = known.flatMap((one) => (one.seconds === null ? [] : [one.seconds]));
          expect(verdicts.size).to.equal(known.length);
          expect(verdicts.failed).to.equal(known.filter((one) => one.exitCode !== 0).length);
          expect(verdicts.hasFailed(subjob, id)).to.equal((model.get(String(id))?.exitCode ?? 0) !== 0);
          expect(verdicts.ended).to.deep.equal({
            atoms: timed.length,
            seconds: timed.reduce((sum, one) => sum + one, 0),
          });
        }
      }),
    );
  });
});
