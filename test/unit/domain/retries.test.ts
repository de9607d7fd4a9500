import { expect } from 'chai';
import fc from 'fast-check';
import { BuildWork, unlimitedExecutors } from '../../../src/domain/build-work.js';
import { newTask } from '../../../src/domain/lease.js';
import { atomsToRetry, retryBudget } from '../../../src/domain/retries.js';
import { toId } from '../../../src/protocol/ids.js';

const job = { commands: ['true'], atomizers: [{ X: 'seq 3' }] };

describe('retries', () => {
  it('are none unless the job asks for them, and else its max_retries or a tenth of the atoms, at least ten', () => {
    expect(retryBudget(job, 1000)).to.equal(0);
    expect(retryBudget({ ...job, retries: 0, max_retries: 5 }, 1000)).to.equal(0);
    expect(retryBudget({ ...job, retries: 1 }, 5)).to.equal(10);
    expect(retryBudget({ ...job, retries: 1 }, 1001)).to.equal(101);
    expect(retryBudget({ ...job, retries: 3, max_retries: 5 }, 1000)).to.equal(5);
  });

  it('never exceed the rest of the budget, nor the retries of an atom', () => {
    const atoms = fc.array(fc.record({ retried: fc.nat(5) }));
    fc.assert(
      fc.property(atoms, fc.nat(5), fc.integer({ min: -3, max: 20 }), (failed, retries, left) => {
        const again = atomsToRetry(failed, retries, left);
        expect(again.length).to.be.at.most(Math.max(0, left));
        expect(again.every(({ retried }) => retried < retries)).to.equal(true);
        const eligible = failed.filter(({ retried }) => retried < retries);
        expect(again).to.deep.equal(eligible.slice(0, again.length));
      }),
    );
  });
});

describe('the work of a build with retries', () => {
  const [first, second] = [toId.slave(1), toId.slave(2)];

  function work(): BuildWork {
    const timestamps = { QUEUED: 1, PREPARING: 2, BUILDING: 3 };
    const build = new BuildWork(toId.build(1), { state: 'BUILDING', timestamps });
    const subjob = { atoms: 2, expected: 5, stdDev: 0, task: newTask('subjob') };
    build.setSubjobs([subjob, subjob], unlimitedExecutors);
    return build;
  }

  it('gives the atom to another slave before fresh subjobs, and last to the slave on which it failed', () => {
    const build = work();
    build.takeSubjob(toId.lease(1), first);
    build.endLease({ kind: 'subjob', subjob: toId.subjob(0) }, toId.lease(1), { kind: 'completed' });
    expect(build.addRetries([{ expected: 2, stdDev: 0 }], first)).to.deep.equal([2]);
    expect(build).to.include({ total: 3, done: 1, queued: 2, isComplete: false, secondsOfUndone: 7 });
    expect(build.takeSubjob(toId.lease(2), second)?.subjob).to.equal(2);
    build.endLease({ kind: 'subjob', subjob: toId.subjob(2) }, toId.lease(2), { kind: 'returned' });
    expect(build.takeSubjob(toId.lease(3), first)?.subjob).to.equal(1);
    expect(build.takeSubjob(toId.lease(4), first, false)).to.equal(null);
    expect(build.queued).to.equal(1);
    expect(build.takeSubjob(toId.lease(5), first)?.subjob).to.equal(2);
    expect(build.queued).to.equal(0);
  });

  it('is complete only when the retries have ended too', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.boolean(), fc.boolean())), (steps) => {
        const build = work();
        let retries = 0;
        const run = (slave: typeof first, fails: boolean, isBack: boolean) => {
          const taken = build.takeSubjob(toId.lease(1), slave);
          if (taken === null) {
            return false;
          }
          build.endLease(
            { ...taken, kind: 'subjob' },
            taken.lease,
            isBack ? { kind: 'returned' } : { kind: 'completed' },
          );
          if (fails && !isBack && retries < 10) {
            retries += 1;
            build.addRetries([{ expected: 1, stdDev: 0 }], slave);
          }
          return true;
        };
        for (const [isFirst, fails, isBack] of steps) {
          run(isFirst ? first : second, fails, isBack);
        }
        while (run(first, false, false)) {
          expect(build.isComplete).to.equal(build.queued === 0);
        }
        expect(build).to.include({ isComplete: true, queued: 0, running: 0, done: 2 + retries });
      }),
    );
  });
});
