import { expect } from 'chai';
import { type BuildId, toId } from '../../../src/protocol/ids.js';
import { failureOf } from '../../support/failure-of.js';
import { directoryBuild, MasterHarness, type TestSlave } from '../../support/master-harness.js';
import { type ServedHarness, serveHarness } from '../../support/served-master.js';
import { until } from '../../support/until.js';

describe('a list of the API with a search', () => {
  let harness: MasterHarness;
  let served: ServedHarness;
  let slave: TestSlave;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
    served = await serveHarness(harness);
    slave = await harness.slave(2, 'instance', 'worker');
  });
  afterEach(async () => {
    await served.close();
    await harness.close();
  });

  async function ended(atoms: number, failing: readonly number[] = [], request = {}): Promise<BuildId> {
    const build = await harness.master.createBuild({ ...directoryBuild, ...request });
    await slave.prepare(atoms);
    await slave.runAll({ failing });
    return build;
  }

  const textOf = async (path: string) => (await fetch(`${served.url}${path}`)).text();
  const atomsOf = async (build: BuildId, query: Parameters<typeof served.client.listAtoms>[1]) => {
    const { atoms, total } = await served.client.listAtoms(build, query);
    return { ids: atoms.map(({ id }) => Number(id)), total };
  };

  it('of atoms has those that match, with their number, in pages', async () => {
    const build = await ended(30, [3, 7, 21]);
    expect(await atomsOf(build, { state: 'failed' })).to.deep.equal({ ids: [3, 7, 21], total: 3 });
    expect(await atomsOf(build, { state: 'failed,lost', offset: 1, limit: 1 })).to.deep.equal({
      ids: [7],
      total: 3,
    });
    expect(await atomsOf(build, { q: 'token=2', sort: '-duration', slave: 'worker' })).to.deep.equal({
      ids: [1, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28],
      total: 11,
    });
    expect(await atomsOf(build, { min_seconds: 2 })).to.deep.equal({ ids: [], total: 0 });
    const { ids, total } = await atomsOf(build, { sort: 'failed_first' });
    expect([ids.length, total, ids.slice(0, 4)]).to.deep.equal([30, 30, [3, 7, 21, 0]]);
  });

  it('of atoms has the rows of the list without it, byte for byte', async () => {
    const build = await ended(3, [1]);
    const all = await textOf(`/v1/build/${build}/atom`);
    expect(await textOf(`/v1/build/${build}/atom?sort=id`)).to.equal(all);
    expect(await textOf(`/v1/build/${build}/atom?sort=id&limit=2`)).to.equal(
      await textOf(`/v1/build/${build}/atom?limit=2`),
    );
  });

  it('of atoms is empty before the build has any, and not found without the build', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    expect(await atomsOf(build, { q: 'x' })).to.deep.equal({ ids: [], total: 0 });
    const unknown = served.client.listAtoms(toId.build(build + 1), { q: 'x' });
    expect(await failureOf(unknown)).to.have.property('code', 'NOT_FOUND');
  });

  for (const query of [
    'state=broken',
    'state=passed,',
    'sort=size',
    'min_seconds=-x',
    `q=${'x'.repeat(1001)}`,
  ]) {
    it(`of atoms refuses ${query.slice(0, 20)}, and names the field`, async () => {
      const build = await ended(1);
      const response = await fetch(`${served.url}/v1/build/${build}/atom?${query}`);
      expect(response.status).to.equal(400);
      expect(await response.text()).to.contain(query.split('=')[0]);
    });
  }

  it('of builds begins with the newest when asked to, in pages', async () => {
    for (let n = 0; n < 40; n += 1) {
      await harness.master.createBuild(directoryBuild);
    }
    const page = async (query: Parameters<typeof served.client.listBuilds>[0]) => {
      const { builds, total } = await served.client.listBuilds(query);
      return { ids: builds.map(({ id }) => Number(id)), total };
    };
    const newest = Array.from({ length: 40 }, (_, n) => 40 - n);
    expect(await page({ order: 'newest' })).to.deep.equal({ ids: newest, total: 40 });
    expect(await page({ order: 'newest', offset: 3, limit: 30 })).to.deep.equal({
      ids: newest.slice(3, 33),
      total: 40,
    });
    expect(await page({ order: 'oldest', limit: 2 })).to.deep.equal({ ids: [1, 2], total: 40 });
    expect(await textOf('/v1/build?order=oldest')).to.equal(await textOf('/v1/build'));
  });

  it('of builds has those that match, in either order', async () => {
    const failed = await ended(1, [0], { requested_by: 'ada@lab' });
    const passed = await ended(1, [], { requested_by: 'Ada@lab' });
    const running = await harness.master.createBuild({ ...directoryBuild, requested_by: 'grace@lab' });
    const ids = async (query: Parameters<typeof served.client.listBuilds>[0]) =>
      (await served.client.listBuilds(query)).builds.map(({ id }) => id);
    expect(await ids({ q: 'ada' })).to.deep.equal([failed, passed]);
    expect(await ids({ q: 'lab', order: 'newest' })).to.deep.equal([running, passed, failed]);
    expect(await ids({ q: 'lab', order: 'newest', offset: 1, limit: 1 })).to.deep.equal([passed]);
    expect(await ids({ status: 'FAILURE' })).to.deep.equal([failed]);
    expect(await ids({ status: 'BUILDING' })).to.deep.equal([running]);
    expect(await ids({ status: 'SUCCESS', q: 'grace' })).to.deep.equal([]);
    expect((await served.client.listBuilds({ q: 'ada', limit: 1 })).total).to.equal(2);
  });

  it('of builds has those of a job of the history, and each build has the id of that job', async () => {
    const first = await ended(1, [0]);
    const other = await ended(1, [], { project_directory: '/other' });
    await until(async () => (await harness.master.listJobs('', { offset: 0, limit: 9 })).total === 2);
    const running = await harness.master.createBuild({ ...directoryBuild, job_name: 'Simple' });
    const jobOf = async (build: BuildId) => (await served.client.getBuild(build)).job_id ?? toId.job(99);
    const job = await jobOf(first);
    const ids = async (query: Parameters<typeof served.client.listBuilds>[0]) => {
      const { builds, total } = await served.client.listBuilds(query);
      expect(builds.every((build) => build.job_id === query.job)).to.equal(true);
      return { ids: builds.map(({ id }) => id), total };
    };
    expect(await ids({ job })).to.deep.equal({ ids: [first, running], total: 2 });
    expect(await ids({ job, order: 'newest', limit: 1 })).to.deep.equal({ ids: [running], total: 2 });
    expect(await ids({ job, status: 'FAILURE' })).to.deep.equal({ ids: [first], total: 1 });
    expect(await ids({ job: await jobOf(other) })).to.deep.equal({ ids: [other], total: 1 });
    expect(await jobOf(running)).to.equal(job);
    const unknown = served.client.listBuilds({ job: toId.job(99) });
    expect(await failureOf(unknown)).to.have.property('code', 'NOT_FOUND');
  });
});
