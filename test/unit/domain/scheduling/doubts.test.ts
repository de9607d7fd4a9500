import { expect } from 'chai';
import { newBuild } from '../../../../src/domain/build-state.js';
import { BuildWork, type ExecutorLimits, unlimitedExecutors } from '../../../../src/domain/build-work.js';
import { newTask, preparation } from '../../../../src/domain/lease.js';
import { assignWork, hasWork } from '../../../../src/domain/scheduling/scheduler.js';
import { type LeaseId, type SlaveId, toId } from '../../../../src/protocol/ids.js';

const [dead, one, two] = [toId.slave(1), toId.slave(2), toId.slave(3)];

describe('the work of a suspect slave', () => {
  let work: BuildWork;
  let leases: number;
  beforeEach(() => {
    leases = 0;
    work = new BuildWork(toId.build(1), newBuild(0));
  });

  function building(subjobs: number, limits: ExecutorLimits = unlimitedExecutors): void {
    work.enter('PREPARING', 0);
    work.enter('BUILDING', 0);
    const subjob = { atoms: 1, expected: 1, stdDev: 0, task: newTask('subjob') };
    work.setSubjobs(Array(subjobs).fill(subjob), limits);
  }

  /** The leases that the slave gets for so many executors. */
  function take(slave: SlaveId, executors = 1, allowExcluded = true): string[] {
    const nextLease = (): LeaseId => {
      leases += 1;
      return toId.lease(leases);
    };
    const view = { builds: [work], steady: 0, nextLease };
    return assignWork(view, slave, executors, 0, allowExcluded).map((taken) => {
      const what = taken.kind === 'subjob' ? `subjob ${taken.subjob}` : taken.kind;
      return `${what}${taken.isDuplicate ? ' too' : ''}`;
    });
  }

  const complete = (subjob: number, lease: number) =>
    work.endLease({ kind: 'subjob', subjob: toId.subjob(subjob) }, toId.lease(lease), { kind: 'completed' });

  it('is given to other slaves once, before anything that waits', () => {
    building(4);
    take(dead, 2);
    work.suspect(dead);
    expect(work.inDoubt).to.equal(2);
    expect(take(one, 3)).to.deep.equal(['subjob 0 too', 'subjob 1 too', 'subjob 2']);
    expect(take(two, 3)).to.deep.equal(['subjob 3']);
    expect(hasWork([work])).to.equal(false);
  });

  it('wakes slaves that wait, although nothing is queued', () => {
    building(1);
    take(dead);
    expect(hasWork([work])).to.equal(false);
    work.suspect(dead);
    expect(hasWork([work])).to.equal(true);
  });

  it('is its own again once it is heard', () => {
    building(1);
    take(dead);
    work.suspect(dead);
    work.trust(dead);
    expect([take(one), hasWork([work])]).to.deep.equal([[], false]);
  });

  it('ends on both slaves with the first result', () => {
    building(1);
    take(dead);
    work.suspect(dead);
    take(one);
    complete(0, 1);
    expect(work).to.include({ isComplete: true, running: 0, inDoubt: 0, duplicates: 0 });
  });

  it('is in doubt again when the second slave returns it or becomes suspect alone', () => {
    building(1);
    take(dead);
    work.suspect(dead);
    take(one);
    work.endLease({ kind: 'subjob', subjob: toId.subjob(0) }, toId.lease(2), { kind: 'returned' });
    expect(take(two)).to.deep.equal(['subjob 0 too']);
    work.suspect(two);
    expect([work.inDoubt, take(one)], 'two hold it at most').to.deep.equal([0, []]);
    work.endLease({ kind: 'subjob', subjob: toId.subjob(0) }, toId.lease(1), {
      kind: 'lost',
      slaveName: 'dead',
    });
    expect(take(one)).to.deep.equal(['subjob 0 too']);
  });

  it('waits until the slave is lost if the job forbids that it runs twice at once', () => {
    building(2, { ...unlimitedExecutors, speculative: false });
    take(dead);
    work.suspect(dead);
    expect([take(one), take(two)]).to.deep.equal([['subjob 1'], []]);
    expect([work.inDoubt, hasWork([work])]).to.deep.equal([0, false]);
  });

  it('waits for an executor that the limits of the build allow', () => {
    building(2, { maxExecutors: 2, maxExecutorsPerSlave: 1 });
    take(dead);
    take(one);
    work.suspect(dead);
    expect(take(two)).to.deep.equal([]);
    complete(1, 2);
    expect(take(one)).to.deep.equal(['subjob 0 too']);
  });

  it('is not begun in a build that is being ended', () => {
    building(1);
    take(dead);
    work.suspect(dead);
    work.stop();
    expect([work.inDoubt, take(one)]).to.deep.equal([0, []]);
  });

  it('goes to the slave on which the atom failed only if no other asks', () => {
    building(1);
    take(one);
    complete(0, 1);
    work.addRetries([{ expected: 1, stdDev: 0 }], one);
    take(dead);
    work.suspect(dead);
    expect(take(one, 1, false)).to.deep.equal([]);
    expect(take(one, 1, true)).to.deep.equal(['subjob 1 too']);
  });

  it('includes a preparation, which a second slave may run unless it refuses the build', () => {
    take(dead);
    work.suspect(dead);
    work.refuse(two);
    expect([take(two), hasWork([work])]).to.deep.equal([[], true]);
    expect(take(one)).to.deep.equal(['preparation too']);
    expect([take(two), hasWork([work]), work.running]).to.deep.equal([[], false, 2]);
    expect(work.endLease(preparation, toId.lease(1), { kind: 'returned' }).state).to.equal('leased');
    expect(work.endLease(preparation, toId.lease(2), { kind: 'completed' }).state).to.equal('done');
    expect(work.running).to.equal(0);
  });
});
