import { expect } from 'chai';
import { newBuild } from '../../../src/domain/build-state.js';
import { BuildWork, unlimitedExecutors } from '../../../src/domain/build-work.js';
import { newTask, preparation, takeLease } from '../../../src/domain/lease.js';
import { toId } from '../../../src/protocol/ids.js';

const slave = toId.slave(1);

describe('the work of a build', () => {
  it('counts its preparation as one executor', () => {
    const work = new BuildWork(toId.build(1), newBuild(0));
    work.takePreparation(toId.lease(1), slave);
    expect([work.running, work.runningOn(slave)]).to.deep.equal([1, 1]);
    expect(work.endLease(preparation, toId.lease(1), { kind: 'returned' }).state).to.equal('queued');
    expect([work.running, work.runningOn(slave)]).to.deep.equal([0, 0]);
  });

  it('is the same after it was rebuilt from the store', () => {
    const timestamps = { QUEUED: 1, PREPARING: 2, BUILDING: 3 };
    const done = {
      kind: 'subjob',
      state: 'done',
      attempts: 1,
      lease: toId.lease(1),
      ending: 'delivered',
      holders: [],
      losses: [],
    } as const;
    const work = new BuildWork(toId.build(1), { state: 'BUILDING', timestamps });
    const subjob = { atoms: 2, expected: 4, stdDev: 0 };
    work.setSubjobs(
      [
        { ...subjob, task: done },
        { ...subjob, task: takeLease(newTask('subjob'), toId.lease(7), slave, 1) },
        { ...subjob, task: newTask('subjob') },
      ],
      unlimitedExecutors,
    );
    expect(work).to.include({ total: 3, done: 1, queued: 1, running: 1, secondsOfUndone: 8 });
    expect(work.takeSubjob(toId.lease(8), slave)).to.include({ subjob: 2, executorIndex: 0 });
    expect(work.takeSubjob(toId.lease(9), slave)).to.equal(null);
    work.endLease({ kind: 'subjob', subjob: toId.subjob(1) }, toId.lease(7), { kind: 'completed' });
    work.endLease({ kind: 'subjob', subjob: toId.subjob(2) }, toId.lease(8), { kind: 'completed' });
    expect(work).to.include({ isComplete: true, running: 0, secondsOfUndone: 0 });
  });

  it('has no estimate when one of its subjobs has no history', () => {
    const work = new BuildWork(toId.build(1), newBuild(0));
    const subjob = { atoms: 1, stdDev: 0, task: newTask('subjob') };
    work.setSubjobs(
      [
        { ...subjob, expected: 1 },
        { ...subjob, expected: null },
      ],
      unlimitedExecutors,
    );
    expect(work.secondsOfUndone).to.equal(null);
  });

  it('refuses to end leases that nobody holds, and impossible states', () => {
    const work = new BuildWork(toId.build(1), newBuild(0));
    expect(() =>
      work.endLease({ kind: 'subjob', subjob: toId.subjob(0) }, toId.lease(1), { kind: 'completed' }),
    ).to.throw('no subjob 0');
    expect(() => work.endLease(preparation, toId.lease(1), { kind: 'completed' })).to.throw('no lease 1');
    expect(() => work.enter('FINISHED', 0)).to.throw('cannot go from QUEUED');
  });
});
