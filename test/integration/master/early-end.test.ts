import { expect } from 'chai';
import type { Build } from '../../../src/protocol/build/build.js';
import { type AtomId, type BuildId, toId } from '../../../src/protocol/ids.js';
import type { RunAssignment } from '../../../src/protocol/slave/slave-messages.js';
import { directoryBuild, MasterHarness, refused, type TestSlave } from '../../support/master-harness.js';
import { until } from '../../support/until.js';

const page = { offset: 0, limit: 10 };

function second({ atoms }: RunAssignment): AtomId {
  return atoms[1]?.id ?? toId.atom(-1);
}

describe('a build that is being ended early', () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    harness.settings.endGrace = 10;
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

  /** Resolves once the early end has begun, with a promise of the end. */
  async function cancel(build: BuildId): Promise<{ ended: Promise<Build | null> }> {
    const ended = harness.master.cancelBuild(build).catch(() => null);
    await until(async () => (await harness.master.getBuild(build)).error_message !== null);
    return { ended };
  }

  /** Moves the time, second after second. */
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

  it('waits for the results of its slaves, hands out nothing more, and says why it ends', async () => {
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
      error: 'It was ended with its build after 12 s on slave-1.',
    });
    expect(await outcomesOf(build)).to.deep.equal(['FAILED', 'INTERRUPTED', ...Array(6).fill(null)]);
    expect((await harness.master.archiveContents(build))?.files).to.have.length(1);
  });

  it('ends at once when none of it runs', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(2);
    expect(await harness.master.cancelBuild(build)).to.include({ state: 'CANCELED' });
  });

  it('ends when its slaves have returned their leases', async () => {
    const { build, slave, assignment } = await running();
    const canceling = await cancel(build);
    await slave.ask();
    const { lease, build_id, subjob_id } = assignment;
    await harness.master.returnLease(slave.id, build_id, subjob_id, {
      lease,
      reason: 'stopping',
      output: '',
    });
    expect((await canceling.ended)?.state).to.equal('CANCELED');
  });

  it('ends when its grace is over, and accepts nothing afterwards', async () => {
    const { build, slave, assignment } = await running();
    await cancel(build);
    await pass(5);
    expect((await harness.master.getBuild(build)).state).to.equal('BUILDING');
    await passUntilEnded(build);
    expect((await slave.ask()).cancel).to.deep.equal([assignment.lease]);
    await refused(slave.deliver(assignment), 'STALE_LEASE');
  });

  it('ends after a restart of the master', async () => {
    const { build, slave } = await running();
    await cancel(build);
    await harness.restart();
    expect((await slave.ask({ free_executors: 1 })).interrupt).to.have.length(1);
    await passUntilEnded(build);
  });
});

describe('a build that every slave refuses', () => {
  const sentence = 'setup_build failed on slave-1; the last words on slave-1:\nno make';
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    harness.settings.endGrace = 10;
    await harness.start();
  });
  afterEach(() => harness.close());

  /** Its one slave has refused one of its subjobs and holds another. */
  async function refusedBesideWork(of?: TestSlave) {
    const { master } = harness;
    const build = await master.createBuild(directoryBuild);
    const slave = of ?? (await harness.slave(2));
    await slave.prepare(16);
    const { assignments } = await slave.ask();
    const [kept, given] = assignments.filter((assignment) => assignment.kind === 'run');
    if (kept === undefined || given === undefined) {
      throw new Error('The slave has less than two subjobs.');
    }
    const refuse = ({ lease, subjob_id }: RunAssignment) =>
      master.returnLease(slave.id, build, subjob_id, { lease, reason: 'setup_failed', output: 'no make' });
    return { build, slave, kept, given, refuse };
  }

  async function stateOf(build: BuildId) {
    const { state, error_message, num_atoms_done } = await harness.master.getBuild(build);
    return { state, error_message, num_atoms_done };
  }

  it('waits for its running subjobs, and is ERROR with the same message and their results', async () => {
    const { build, slave, kept, given, refuse } = await refusedBesideWork();
    await refuse(given);
    expect(await stateOf(build)).to.deep.equal({
      state: 'BUILDING',
      error_message: sentence,
      num_atoms_done: 0,
    });
    const asked = await slave.ask();
    expect(asked).to.deep.include({ interrupt: [kept.lease], assignments: [] });
    await slave.deliver(kept, { unfinished: [{ id: second(kept), ran_for: 3 }] });
    expect(await stateOf(build)).to.deep.equal({
      state: 'ERROR',
      error_message: sentence,
      num_atoms_done: 1,
    });
    expect((await harness.master.archiveContents(build))?.files).to.have.length(1);
    expect((await harness.master.getBuild(build)).interrupted_atoms).to.have.length(1);
  });

  it('is ERROR after a restart of the master, and after it was canceled meanwhile', async () => {
    const { build, slave, kept, given, refuse } = await refusedBesideWork();
    await refuse(given);
    await harness.restart();
    expect((await slave.ask()).interrupt).to.deep.equal([kept.lease]);
    const canceling = harness.master.cancelBuild(build);
    await slave.deliver(kept);
    expect((await canceling).state).to.equal('ERROR');
    expect((await stateOf(build)).error_message).to.equal(sentence);
  });

  it('is ERROR when its grace is over', async () => {
    const { build, slave, kept, given, refuse } = await refusedBesideWork();
    await refuse(given);
    await until(async () => {
      await harness.advance(1000);
      return (await stateOf(build)).state === 'ERROR';
    });
    await refused(slave.deliver(kept), 'STALE_LEASE');
  });

  it('counts no failure against its slaves, however many of their executors refuse it', async () => {
    const slave = await harness.slave(2);
    for (let n = 0; n < 3; n += 1) {
      const { build, kept, given, refuse } = await refusedBesideWork(slave);
      await refuse(given);
      await refuse(kept);
      expect((await stateOf(build)).state).to.equal('ERROR');
      slave.leases.clear();
    }
    const { slaves } = await harness.master.listSlaves(page);
    expect(slaves.map(({ state }) => state)).to.deep.equal(['CONNECTED']);
  });

  it('ends in the same way when the slaves leave that had not refused it', async () => {
    const { build, slave, kept, given, refuse } = await refusedBesideWork();
    const other = await harness.slave();
    await refuse(given);
    expect((await stateOf(build)).error_message).to.equal(null);
    await harness.master.goodbyeSlave(other.id);
    expect((await stateOf(build)).error_message).to.equal(sentence);
    await slave.deliver(kept);
    expect((await stateOf(build)).state).to.equal('ERROR');
  });
});

describe('a subjob whose slave stops', () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  it('keeps the verdicts of finished atoms, and its other atoms run in another subjob', async () => {
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
