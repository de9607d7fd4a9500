import { expect } from 'chai';
import type { BuildRequest } from '../../../../src/protocol/build/build.js';
import type { JobDefinition } from '../../../../src/protocol/build/job.js';
import { toId } from '../../../../src/protocol/ids.js';
import { directoryBuild, MasterHarness, type TestSlave } from '../../../support/master-harness.js';
import { until } from '../../../support/until.js';

const ATOMS = 40;
const lastAtom = toId.atom(ATOMS - 1);

describe('a build with the order likely_failures', () => {
  let harness: MasterHarness;
  let slave: TestSlave;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
    slave = await harness.slave();
  });
  afterEach(() => harness.close());

  /** Runs a build to its end, and waits until the history has it. Atoms have the ids 0, 1, …. */
  async function runBefore(failing: readonly number[]): Promise<void> {
    const build = await harness.master.createBuild(directoryBuild);
    await slave.prepare(ATOMS);
    await slave.runAll({ failing, seconds: 5 });
    await until(async () => {
      const { history } = await harness.master.historyOfAtom(build, lastAtom);
      return history?.last.some(({ build_id }) => build_id === build) ?? false;
    });
  }

  async function prepared(request: Partial<BuildRequest>, extra: Partial<JobDefinition> = {}) {
    await harness.master.createBuild({ ...directoryBuild, ...request });
    await slave.prepare(ATOMS, extra);
  }

  const takeFirst = async () => (await slave.take()).atoms.map(({ id }) => id);

  it('begins with an atom that failed last', async () => {
    await runBefore([]);
    await runBefore([23]);
    await prepared({}, { order: 'likely_failures' });
    expect(await takeFirst()).to.deep.equal([23]);
  });

  it('has the order of the request, whatever the job says', async () => {
    await runBefore([23]);
    await prepared({ order: 'longest' }, { order: 'likely_failures' });
    expect(await takeFirst()).to.not.include(23);
    await slave.runAll();
  });

  it('keeps that order when the waiting atoms are regrouped, also after a restart', async () => {
    await runBefore([23, 31]);
    await prepared({ order: 'likely_failures' });
    expect(await takeFirst()).to.deep.equal([23]);
    await harness.restart();
    const joined = await harness.slave(20);
    const { assignments } = await joined.ask({ free_executors: 1 });
    expect(
      assignments.flatMap((one) => (one.kind === 'run' ? one.atoms : [])).map(({ id }) => id),
    ).to.deep.equal([31]);
  });

  it('has the usual order in a job without a history', async () => {
    await prepared({ order: 'likely_failures' });
    expect(await takeFirst()).to.include(0);
  });
});
