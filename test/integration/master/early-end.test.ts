import { expect } from 'chai';
import type { Build } from '../../../src/protocol/build/build.js';
import { type AtomId, type BuildId, toId } from '../../../src/protocol/ids.js';
import type { RunAssignment } from '../../../src/protocol/slave/slave.js';
import { directoryBuild, MasterHarness, refused } from '../../support/master-harness.js';
import { until } from '../../support/until.js';

const page = { offset: 0, limit: 10 };

function second({ atoms }: RunAssignment): AtomId {
  return atoms[1]?.id ?? toId.atom(-1);
}

describe('a build that is being ended early', () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    harness.endGraceSeconds = 10;
    await harness.start();
  });
  afterEach(() => harness.close());

  /** Two atoms of eight in the first subjob, which runs. */
  async function running() {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(8, { retries: 1 });
    return { build, slave, assignment: await slave.take() };
  }

  /** Resolves once it is being ended, with what resolves when it has ended. */
  async function cancel(build: BuildId): Promise<{ ended: Promise<Build | null> }> {
    const ended = harness.master.cancelBuild(build).catch(() => null);
    await until(async () => (await harness.master.getBuild(build)).error_message !== null);
    return { ended };
  }

  /** Moves the time on, second after second. */
  async function pass(seconds: number): Promise<void> {
    for (let n = 0; n < seconds; n += 1) {
      await harness.advance(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async function passUntilEnded(build: BuildId): Promise<void> {
    while ((await harness.master.getBuild(build)).state !== 'CANCELED') {
      await pass(1);
    }
  }

  async function outcomesOf(build: BuildId) {
    return (await harness.master.listAtoms(build, null, page)).atoms.map(({ outcome }) => outcome);
  }

  it('waits for what its slaves deliver, hands out nothing more, and says why it ends', async () => {
    const { build, slave, assignment } = await running();
    const other = await harness.slave();
    const canceling = await cancel(build);
    const { interrupt } = await slave.ask();
    expect(interrupt).to.deep.equal([assignment.lease]);
    expect((await slave.ask()).interrupt).to.deep.equal([assignment.lease]);
    expect((await other.ask()).assignments).to.deep.equal([]);
    expect(await harness.master.getBuild(build)).to.include({
      state: 'BUILDING',
      error_message: 'The build was canceled.',
    });
    await slave.deliver(assignment, {
      failing: [0],
      unfinished: [{ id: second(assignment), ran_for: 12.34 }],
    });
    const ended = await canceling.ended;
    expect(ended).to.include({
      state: 'CANCELED',
      num_atoms_done: 1,
      num_atoms_failed: 1,
      error_message: 'The build was canceled.',
    });
    expect(ended?.interrupted_atoms).to.have.length(1);
    expect(ended?.interrupted_atoms?.[0]).to.include({
      id: 1,
      error: 'It was ended with its build after 12.3 s on slave-1.',
    });
    expect(await outcomesOf(build)).to.deep.equal(['FAILED', 'INTERRUPTED', ...Array(6).fill(null)]);
    expect((await harness.master.archiveContents(build))?.files).to.have.length(1);
  });

  it('ends at once when nothing of it runs', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(2);
    expect(await harness.master.cancelBuild(build)).to.include({ state: 'CANCELED' });
  });

  it('ends when its slaves have handed back what they held', async () => {
    const { build, slave, assignment } = await running();
    const canceling = await cancel(build);
    await slave.ask();
    const { lease, build_id, subjob_id } = assignment;
    await harness.master.handBack(slave.id, build_id, subjob_id, { lease, reason: 'stopping', output: '' });
    expect((await canceling.ended)?.state).to.equal('CANCELED');
  });

  it('ends when the grace is over, and takes nothing more then', async () => {
    const { build, slave, assignment } = await running();
    await cancel(build);
    await pass(5);
    expect((await harness.master.getBuild(build)).state).to.equal('BUILDING');
    await passUntilEnded(build);
    expect((await slave.ask()).cancel).to.deep.equal([assignment.lease]);
    await refused(slave.deliver(assignment), 'STALE_LEASE');
  });

  it('goes on to its end after a restart of the master', async () => {
    const { build, slave } = await running();
    await cancel(build);
    await harness.restart();
    expect((await slave.ask({ free_executors: 1 })).interrupt).to.have.length(1);
    await passUntilEnded(build);
  });
});

describe('a subjob whose slave stops', () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  it('keeps the verdicts of its atoms that had ended, and the others run in another subjob', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(8);
    const assignment = await slave.take();
    await slave.deliver(assignment, { unfinished: [{ id: second(assignment), ran_for: 3 }] });
    await harness.master.goodbyeSlave(slave.id);
    expect(await harness.master.getBuild(build)).to.include({ state: 'BUILDING', num_atoms_done: 1 });
    await harness.restart();
    const other = await harness.slave();
    await other.runAll();
    const ended = await harness.master.getBuild(build);
    expect(ended).to.include({ status: 'SUCCESS', num_atoms_done: 8 });
    const { atoms } = await harness.master.listAtoms(build, null, page);
    expect(atoms.slice(0, 2).map(({ slave: name }) => name)).to.deep.equal(['slave-1', 'slave-2']);
  });
});
