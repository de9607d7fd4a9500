import { expect } from 'chai';
import { type BuildId, toId } from '../../../../src/protocol/ids.js';
import { directoryBuild, MasterHarness, refused, type TestSlave } from '../../../support/master-harness.js';
import { until } from '../../../support/until.js';

const page = { offset: 0, limit: 100 };

describe('a build that ends', () => {
  let harness: MasterHarness;
  beforeEach(() => {
    harness = new MasterHarness();
  });
  afterEach(() => harness.close());

  async function run(slave: TestSlave, failing: readonly number[] = []): Promise<BuildId> {
    const build = await harness.master.createBuild(directoryBuild);
    await slave.prepare(3);
    await slave.runAll({ failing });
    return build;
  }

  async function recorded(builds: number): Promise<void> {
    await until(async () => {
      const [job] = (await harness.master.listJobs('', page)).jobs;
      return job !== undefined && job.num_builds >= builds && job.pass_rate !== null;
    });
  }

  it('is added to the history in the background', async () => {
    await harness.start();
    const build = await run(await harness.slave(), [1]);
    await recorded(1);
    const { jobs } = await harness.master.listJobs('', page);
    expect(jobs).to.have.length(1);
    expect(jobs[0]).to.deep.include({ name: 'Simple', project: '/project', num_atoms: 3, pass_rate: 0 });
    expect(jobs[0]?.last_build).to.include({ build_id: build, num_atoms_failed: 1, retained: true });
    const { history } = await harness.master.historyOfAtom(build, toId.atom(1));
    expect(history).to.deep.include({ name: 'TOKEN=2', runs: 1, failures: 1 });
  });

  it('is in the history before it is deleted', async () => {
    await harness.start();
    const slave = await harness.slave();
    const builds = [await run(slave), await run(slave), await run(slave)];
    harness.settings.resultsKeptDays = 1;
    await harness.restart();
    await harness.advance(1_000);
    harness.clock.advance(3 * 86_400_000);
    await until(async () => (await harness.master.listBuilds(page)).total === 0);
    await refused(harness.master.getBuild(toId.build(1)), 'NOT_FOUND');
    const listed = await harness.master.listJobBuilds(toId.job(1), page);
    expect(listed.builds.map(({ build_id, retained }) => [build_id, retained])).to.deep.equal(
      builds.reverse().map((build) => [build, false]),
    );
    expect((await harness.master.getAtomHistory(toId.job(1), 'TOKEN=1')).runs).to.equal(3);
  });

  it('counts in the history with the verdicts that it has when it is canceled', async () => {
    await harness.start();
    const slave = await harness.slave();
    await run(slave);
    await recorded(1);
    const build = await harness.master.createBuild(directoryBuild);
    await slave.prepare(3);
    await slave.deliver(await slave.take());
    await harness.master.cancelBuild(build);
    await until(async () => (await harness.master.listJobBuilds(toId.job(1), page)).total === 2);
    await until(async () => (await harness.master.getAtomHistory(toId.job(1), 'TOKEN=1')).runs === 2);
    const trend = await harness.master.getJob(toId.job(1));
    expect(
      trend.days.map(({ num_passed, num_failed, num_canceled }) => [num_passed, num_failed, num_canceled]),
    ).to.deep.equal([[1, 0, 1]]);
    expect(trend.pass_rate).to.equal(1);
    expect((await harness.master.getAtomHistory(toId.job(1), 'TOKEN=3')).runs).to.equal(1);
  });

  it('has the time that was lost to retries', async () => {
    await harness.start();
    const slave = await harness.slave();
    const build = await harness.master.createBuild(directoryBuild);
    await slave.prepare(1, { retries: 1 });
    await slave.deliver(await slave.take(), { failing: [0], seconds: 7 });
    await slave.runAll({ seconds: 3 });
    await recorded(1);
    const { builds } = await harness.master.listJobBuilds(toId.job(1), page);
    expect(builds[0]).to.include({ build_id: build, num_atoms_flaky: 1, retry_seconds: 7 });
    expect(await harness.master.getAtomHistory(toId.job(1), 'TOKEN=1')).to.deep.include({
      flaky: 1,
      flakiness: 1,
      p50_seconds: 3,
      recent_retry_seconds: 7,
    });
  });
});
