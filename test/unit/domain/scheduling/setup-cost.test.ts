import { expect } from 'chai';
import { BuildWork, unlimitedExecutors } from '../../../../src/domain/build-work.js';
import { reasonsToWait } from '../../../../src/domain/explain.js';
import { newTask } from '../../../../src/domain/lease.js';
import { assignWork } from '../../../../src/domain/scheduling/scheduler.js';
import { SetupCost } from '../../../../src/domain/scheduling/setup-cost.js';
import { toId } from '../../../../src/protocol/ids.js';

const [one, two, three] = [toId.slave(1), toId.slave(2), toId.slave(3)];

/** A build of equal subjobs whose setup takes a minute, and that runs on the first slave. */
function running(subjobs: number, expected: number | null, executors = 1) {
  const work = new BuildWork(toId.build(1), { state: 'BUILDING', timestamps: { BUILDING: 0 } });
  const subjob = { atoms: 8, expected, stdDev: 0, task: newTask('subjob') };
  work.setSubjobs(Array(subjobs).fill(subjob), unlimitedExecutors);
  let lease = 0;
  const nextLease = () => {
    lease += 1;
    return toId.lease(lease);
  };
  const view = { builds: [work], nextLease, steady: 0 };
  const taken = assignWork(view, one, executors, 0);
  work.setup.learn(60, 'everything');
  return { work, view, taken };
}

describe('the cost of beginning on one more slave', () => {
  it('is fetching and setup for a slave that has nothing, and only setup for the one that prepared', () => {
    const setup = new SetupCost();
    setup.prepare(one);
    expect([setup.run(one), setup.run(one), setup.run(two), setup.run(two)]).to.deep.equal([
      'setup',
      'nothing',
      'everything',
      'nothing',
    ]);
    setup.close(two);
    expect([setup.isOpenOn(one), setup.isOpenOn(two), setup.run(two)]).to.deep.equal([
      true,
      false,
      'everything',
    ]);
  });

  it('is the mean over slaves that fetched and set up, before that the time of setup alone, and unknown at first', () => {
    const setup = new SetupCost();
    expect(setup.seconds).to.equal(null);
    setup.learn(99, 'nothing');
    expect(setup.seconds).to.equal(null);
    setup.learn(10, 'setup');
    expect(setup.seconds).to.equal(10);
    setup.learn(20, 'everything');
    setup.learn(40, 'everything');
    expect(setup.seconds).to.equal(30);
  });

  it('is null when it is too short to be measured', () => {
    const setup = new SetupCost();
    setup.learn(1.5, 'everything');
    expect(setup.seconds).to.equal(null);
  });

  it('is not spent on a build whose rest ends sooner on slaves where it is set up', () => {
    const { work, view } = running(5, 10);
    expect(assignWork(view, two, 3, 0)).to.deep.equal([]);
    expect(assignWork(view, one, 1, 0)).to.have.length(1);
    const able = { draining: false, sick: false, suspect: false };
    const slave = { id: two, name: 'two', numExecutors: 2, inUse: 0, ...able };
    const [, reason] = reasonsToWait(work, [slave], []);
    expect(reason?.reason).to.equal('SETUP_COST');
    expect(reason?.text).to.contain('need 60 s').and.to.contain('about 25 s');
  });

  it('is spent as long as the rest takes longer', () => {
    const { view } = running(10, 10);
    // 100 s are left for one executor, then 50 s for each of two.
    expect(assignWork(view, two, 1, 0)).to.have.length(1);
    expect(assignWork(view, three, 1, 0)).to.deep.equal([]);
    expect(assignWork(view, two, 1, 0)).to.have.length(1);
  });

  it('is spent when nobody works on the build', () => {
    const { work, view } = running(1, 10);
    work.endLease({ kind: 'subjob', subjob: toId.subjob(0) }, toId.lease(1), {
      kind: 'lost',
      slaveName: 'one',
    });
    expect(assignWork(view, two, 1, 0)).to.have.length(1);
  });

  it('is spent while the length of the rest is unknown, and not once atoms have shown it', () => {
    const blind = running(5, null);
    expect(assignWork(blind.view, two, 1, 0)).to.have.length(1);
    const learned = running(5, null);
    learned.work.endLease(
      { kind: 'subjob', subjob: toId.subjob(0) },
      toId.lease(1),
      { kind: 'completed' },
      8 * 0.5,
    );
    expect(assignWork(learned.view, one, 1, 0)).to.have.length(1);
    expect(assignWork(learned.view, two, 1, 0)).to.deep.equal([]);
  });
});
