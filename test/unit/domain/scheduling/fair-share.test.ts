import { expect } from 'chai';
import fc from 'fast-check';
import { BuildWork, unlimitedExecutors } from '../../../../src/domain/build-work.js';
import { newTask } from '../../../../src/domain/lease.js';
import { inOrderOfService } from '../../../../src/domain/scheduling/fair-share.js';
import { assignWork } from '../../../../src/domain/scheduling/scheduler.js';
import { toId } from '../../../../src/protocol/ids.js';

const [here, there] = [toId.slave(1), toId.slave(2)];

function ready(id: number, priority = 0, since = 0): BuildWork {
  const timestamps = { BUILDING: since };
  const work = new BuildWork(
    toId.build(id),
    { state: 'BUILDING', timestamps },
    newTask('preparation'),
    priority,
  );
  const subjob = { atoms: 1, expected: 1, stdDev: 0, task: newTask('subjob') };
  work.setSubjobs(Array(200).fill(subjob), unlimitedExecutors);
  return work;
}

function fill(builds: readonly BuildWork[], slave = here, executors = 1, now = 0): number[] {
  let lease = 0;
  const nextLease = () => {
    lease += 1;
    return toId.lease(lease);
  };
  return assignWork({ builds, nextLease, steady: now }, slave, executors, now).map(({ build }) => build.id);
}

describe('shares of executors', () => {
  it('double with each step of priority', () => {
    const builds = [ready(1, 0), ready(2, 1), ready(3, 2)];
    fill(builds, here, 70);
    expect(builds.map(({ running }) => running)).to.deep.equal([10, 20, 40]);
  });

  it('differ by two executors at most among equals, on however many slaves of any size', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), sizes, (count, slaves) => {
        const builds = Array.from({ length: count }, (_, n) => ready(n + 1));
        slaves.forEach((executors, n) => {
          fill(builds, toId.slave(n + 1), executors);
        });
        const running = builds.map((build) => build.running);
        expect(Math.max(...running) - Math.min(...running)).to.be.at.most(2);
      }),
    );
  });

  it('go to a build that is open on the slave before another one is opened there', () => {
    const [one, two] = [ready(1), ready(2)];
    expect(fill([one, two], here)).to.deep.equal([1]);
    expect(fill([two], there)).to.deep.equal([2]);
    one.endLease({ kind: 'subjob', subjob: toId.subjob(0) }, toId.lease(1), { kind: 'completed' });
    expect(fill([one], there, 2)).to.deep.equal([1, 1]);
    // Beside two executors against one, the older build is not the neediest.
    expect(fill([one, two], toId.slave(3))).to.deep.equal([2]);
    two.endLease({ kind: 'subjob', subjob: toId.subjob(1) }, toId.lease(1), { kind: 'completed' });
    expect(fill([one, two], here)).to.deep.equal([1]);
  });

  it('go to a build without executors even if it has to be opened', () => {
    const [one, two] = [ready(1), ready(2)];
    expect(fill([one, two], here, 4)).to.deep.equal([1, 2, 1, 2]);
    const three = ready(3);
    expect(fill([one, two, three], here)).to.deep.equal([3]);
  });

  it('reach a build of the lowest priority although urgent ones never end', () => {
    const patient = ready(1, -5);
    for (let minute = 0; minute < 15; minute += 1) {
      const now = minute * 60;
      fill([patient, ready(100 + minute, 5, now)], here, 1, now);
    }
    expect(patient.running).to.equal(1);
  });

  it('are given in the order of service, while each build has none', () => {
    const builds = [ready(1), ready(2, 2), ready(3, 1), ready(4)];
    const order = inOrderOfService(builds, 0).map(({ id }) => Number(id));
    expect(order).to.deep.equal([2, 3, 1, 4]);
    expect(fill(builds, here, 1)).to.deep.equal([order[0]]);
  });
});
