import { expect } from 'chai';
import { newBuild } from '../../../src/domain/build-state.js';
import { BuildWork, type ExecutorLimits, unlimitedExecutors } from '../../../src/domain/build-work.js';
import { reasonsToWait } from '../../../src/domain/explain.js';
import { newTask } from '../../../src/domain/lease.js';
import { toId } from '../../../src/protocol/ids.js';

const slave = {
  id: toId.slave(1),
  name: 'one',
  numExecutors: 2,
  inUse: 0,
  draining: false,
  sick: false,
  suspect: false,
};
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
    expect(names(queued(), [{ ...slave, suspect: true }], [])).to.deep.equal(['NO_SLAVE']);
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

  const busyWith = (...numbers: readonly number[]) =>
    numbers.map((number) => ({ build: toId.build(number), executors: 1 }));

  it('names no build as one that keeps its own work waiting', () => {
    const textOf = (...numbers: readonly number[]) =>
      reasonsToWait(building(unlimitedExecutors), [{ ...slave, inUse: 2 }], busyWith(...numbers)).at(-1)
        ?.text;
    expect(textOf(1)).to.equal('1 subjob waits: all executors are busy with this build.');
    expect(textOf(1, 7)).to.equal('1 subjob waits: all other executors are busy with build 7 (1).');
  });

  it('counts the executors that take no new work beside those that are busy', () => {
    const textOf = (...closed: readonly Partial<typeof slave>[]) =>
      reasonsToWait(
        queued(),
        [{ ...slave, inUse: 2 }, ...closed.map((one, n) => ({ ...slave, id: toId.slave(n + 2), ...one }))],
        busyWith(7),
      ).at(-1)?.text;
    const waits = 'It waits to be prepared: all executors are busy with build 7 (1)';
    expect(textOf()).to.equal(`${waits}.`);
    expect(textOf({ draining: true })).to.equal(
      `${waits}; 2 more take no new work, on slaves that are DRAINING.`,
    );
    expect(textOf({ draining: true, numExecutors: 1, inUse: 1 })).to.equal(
      `${waits}; 1 more takes no new work, on slaves that are DRAINING.`,
    );
    expect(textOf({ draining: true }, { sick: true }, { suspect: true })).to.equal(
      `${waits}; 6 more take no new work, on slaves that are DRAINING or SICK or SUSPECT.`,
    );
  });

  it('names five builds at most', () => {
    const [reason] = reasonsToWait(queued(), [{ ...slave, inUse: 2 }], busyWith(2, 3, 4, 5, 6, 7, 8));
    expect(reason?.text).to.match(/build 6 \(1\), 2 more\.$/);
  });

  describe('for a slave that is suspect', () => {
    const suspect = { ...slave, suspect: true };
    const other = { ...slave, id: toId.slave(2), name: 'two', inUse: 2 };

    function inDoubt(limits: ExecutorLimits): string[] {
      const work = building(limits);
      work.suspect(slave.id);
      return reasonsToWait(work, [suspect, other], []).map(({ text }) => text);
    }

    it('names the slave, and says that its work waits for another one', () => {
      expect(inDoubt(unlimitedExecutors)[1]).to.match(/SUSPECT \(one\), and waits to start on another one/);
    });

    it('says that the work waits for the slave if it must not run twice at once', () => {
      expect(inDoubt({ ...unlimitedExecutors, speculative: false })[1]).to.contain('speculative: false');
    });

    it('says nothing of it once another slave has the work too', () => {
      const work = building(unlimitedExecutors);
      work.suspect(slave.id);
      work.takeDuplicate(toId.subjob(0), toId.lease(2), other.id);
      const [first, second] = reasonsToWait(work, [suspect, other], []);
      expect(first?.text).to.contain('1 of them with what another slave has too');
      expect(second?.reason).to.equal('EXECUTORS_BUSY');
    });
  });

  it('is explained as ENDED once the build has ended', () => {
    const work = queued();
    work.enter('CANCELED', 0);
    expect(names(work, [slave], [])).to.deep.equal(['ENDED']);
  });
});
