import { expect } from 'chai';
import { SqliteError } from '../../../src/master/store/engine/sqlite.js';
import { ClusterRunnerError } from '../../../src/protocol/errors.js';
import { atCommitPoints } from '../../support/commit-points.js';
import { lastingFacts } from '../../support/lasting-facts.js';
import { directoryBuild, LEASE_SECONDS, MasterHarness, refused } from '../../support/master-harness.js';
import { eventually } from '../../support/wait.js';

const full = () => new SqliteError('database or disk is full', 'SQLITE_FULL');

/** Repeats like a slave or a client that gets 503. */
async function untilAvailable<T>(call: () => Promise<T>): Promise<T> {
  return eventually('the call is taken', async () => {
    try {
      return { value: await call() };
    } catch (error) {
      if (error instanceof ClusterRunnerError && error.code === 'UNAVAILABLE') {
        return null;
      }
      throw error;
    }
  }).then(({ value }) => value);
}

describe('a master whose store cannot be written for a while', () => {
  let harness: MasterHarness;
  let isFull: boolean;
  const whileFull = (when: 'before' | 'after') => {
    if (when === 'before' && isFull) {
      throw full();
    }
  };
  beforeEach(async () => {
    isFull = false;
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  it('refuses changes with the first error, serves readers, loses no slave, and recovers by itself', async () => {
    await atCommitPoints(whileFull, async () => {
      const { master } = harness;
      const build = await master.createBuild(directoryBuild);
      const slave = await harness.slave();
      await slave.prepare(1);
      isFull = true;
      const taking = slave.take();
      await eventually('the outage is noticed', () => master.problem);
      expect(master.problem).to.match(
        /^The master cannot write to its store \(database or disk is full\); .* goes on by itself\.$/,
      );
      expect(await refused(master.createBuild(directoryBuild), 'UNAVAILABLE')).to.equal(master.problem);
      expect(await refused(harness.slave(), 'UNAVAILABLE')).to.equal(master.problem);
      expect((await master.getBuild(build)).state).to.equal('BUILDING');
      for (let step = 0; step < 6; step += 1) {
        await harness.advance((LEASE_SECONDS * 1000) / 4 + 1);
      }
      isFull = false;
      await slave.deliver(await taking);
      expect(master.problem).to.equal(null);
      expect(await master.getBuild(build)).to.include({ status: 'SUCCESS', num_atoms_done: 1 });
      await harness.restart();
      expect(await harness.master.getBuild(build)).to.include({ status: 'SUCCESS', num_atoms_done: 1 });
    });
  });

  it('brings builds to their right ends although every third commit fails', async () => {
    let commits = 0;
    const look = (when: 'before' | 'after') => {
      if (when === 'before') {
        commits += 1;
        if (commits % 3 === 1) {
          throw full();
        }
      }
    };
    const ends = await atCommitPoints(look, async () => {
      const { master } = harness;
      const one = await untilAvailable(() => harness.slave());
      const two = await untilAvailable(() => harness.slave());
      const failing = await untilAvailable(() => master.createBuild(directoryBuild));
      await untilAvailable(async () => {
        const assignment = await one.takePreparation();
        await untilAvailable(() => one.reportPrepared(assignment, 3, { retries: 1 }));
      });
      const canceled = await untilAvailable(() => master.createBuild(directoryBuild));
      await untilAvailable(() => master.cancelBuild(canceled));
      const [first, second] = [await one.take(), await two.take()];
      await untilAvailable(() => one.deliver(first, { failing: first.atoms.map(({ id }) => id) }));
      await untilAvailable(() => master.goodbyeSlave(two.id));
      await refused(two.deliver(second), 'SLAVE_UNKNOWN');
      await eventually('all is done', async () => {
        await untilAvailable(() => one.runAll());
        return (await master.getBuild(failing)).result;
      });
      return [await master.getBuild(failing), await master.getBuild(canceled)];
    });
    expect(commits).to.be.greaterThan(20);
    await harness.restart();
    const [failing, canceled] = ends;
    expect(failing).to.include({ result: 'SUCCESS', num_atoms: 3, num_atoms_done: 3, num_atoms_flaky: 1 });
    expect(canceled).to.include({ state: 'CANCELED' });
    for (const build of ends) {
      expect(lastingFacts(await harness.master.getBuild(build.id))).to.deep.equal(lastingFacts(build));
    }
  });

  it('can be stopped meanwhile, and keeps what it had promised', async () => {
    await atCommitPoints(whileFull, async () => {
      const { master } = harness;
      const build = await master.createBuild(directoryBuild);
      const slave = await harness.slave();
      await slave.prepare(1);
      isFull = true;
      const taking = slave.take().catch((error: unknown) => error);
      await eventually('the outage is noticed', () => master.problem);
      await master.close();
      expect(await taking).to.have.property('code', 'UNAVAILABLE');
      isFull = false;
      await harness.start();
      expect(await harness.master.getBuild(build)).to.include({ state: 'BUILDING', num_atoms: 1 });
      await slave.runAll();
      expect(await harness.master.getBuild(build)).to.include({ status: 'SUCCESS' });
    });
  });
});
