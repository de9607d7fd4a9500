import { expect } from 'chai';
import { newBuild } from '../../../src/domain/build-state.js';
import { BuildWork, type ExecutorLimits, unlimitedExecutors } from '../../../src/domain/build-work.js';
import { reasonsToWait } from '../../../src/domain/explain.js';
import { newTask } from '../../../src/domain/lease.js';
import { toId } from '../../../src/protocol/ids.js';

const slave = { id: toId.slave(1), name: 'one', numExecutors: 2, inUse: 0, draining: false, sick: false };
const queued = () => new BuildWork(toId.build(1), newBuild(0));

function building(limits: ExecutorLimits): BuildWork {
  const work = queued();
  work.enter('PREPARING', 0);
  work.enter('BUILDING', 0);
  const subjob = { atoms: 1, expected: null, stdDev: 0, task: newTask('subjob') };
  work.setSubjobs([subjob, subjob], limits);
  work.takeSubjob(toId.lease(1), slave.id);
  return work;
}

const names = (...args: Parameters<typeof reasonsToWait>) =>
  reasonsToWait(...args).map(({ reason }) => reason);

describe('why a build waits', () => {
  it('is explained for each cause', () => {
    expect(names(queued(), [], [])).to.deep.equal(['NO_SLAVE']);
    expect(names(queued(), [{ ...slave, draining: true }], [])).to.deep.equal(['NO_SLAVE']);
    expect(names(queued(), [{ ...slave, sick: true }], [])).to.deep.equal(['NO_SLAVE']);
    expect(names(queued(), [slave], [])).to.deep.equal(['STARTING']);
    const refused = queued();
    refused.refuse(slave.id);
    expect(names(refused, [slave], [])).to.deep.equal(['REFUSED']);
    const busy = { ...slave, inUse: 2 };
    expect(names(queued(), [busy], [])).to.deep.equal(['EXECUTORS_BUSY']);
    const one = { maxExecutors: 1, maxExecutorsPerSlave: Infinity };
    expect(names(building(one), [slave], [])).to.deep.equal(['RUNNING', 'BUILD_LIMIT']);
    const each = { maxExecutors: 9, maxExecutorsPerSlave: 1 };
    expect(names(building(each), [slave], [])).to.deep.equal(['RUNNING', 'SLAVE_LIMIT']);
    expect(names(building(unlimitedExecutors), [slave], [])).to.deep.equal(['RUNNING', 'STARTING']);
  });

  it('names the builds that hold the executors', () => {
    const [reason] = reasonsToWait(
      queued(),
      [{ ...slave, inUse: 2 }],
      [{ build: toId.build(7), executors: 2 }],
    );
    expect(reason?.text).to.contain('build 7 (2)');
  });

  it('is explained as ENDED once the build has ended', () => {
    const work = queued();
    work.enter('CANCELED', 0);
    expect(names(work, [slave], [])).to.deep.equal(['ENDED']);
  });
});
