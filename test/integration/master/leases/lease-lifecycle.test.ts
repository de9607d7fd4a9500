import { expect } from 'chai';
import { toId } from '../../../../src/protocol/ids.js';
import { PROTOCOL } from '../../../../src/protocol/slave/protocol-version.js';
import { directoryBuild, MasterHarness, refused } from '../../../support/master-harness.js';

describe('a lease that ends without a result', () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  it('gives its subjob to another slave with a higher attempt when its slave goes silent', async () => {
    const { master } = harness;
    const build = await master.createBuild(directoryBuild);
    const [lost, other] = [await harness.slave(), await harness.slave()];
    await lost.prepare(1);
    const first = await lost.take();
    await harness.loseOthers(other);
    expect((await master.getSlave(lost.id)).state).to.equal('GONE');
    await refused(lost.ask(), 'SLAVE_UNKNOWN');
    const second = await other.take();
    expect(second).to.include({ subjob_id: first.subjob_id });
    expect(second.lease.attempt).to.equal(2);
    await refused(other.deliver(first), 'STALE_LEASE');
    expect(() => master.checkResultLease(other.id, build, first.subjob_id, first.lease)).to.throw('is over');
    await other.deliver(second);
    expect((await master.getBuild(build)).status).to.equal('SUCCESS');
  });

  it('does not end while its slave makes requests', async () => {
    await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(1);
    const assignment = await slave.take();
    await harness.loseOthers(slave);
    await harness.loseOthers(slave);
    await slave.deliver(assignment);
  });

  it('fails the atoms of its subjob and ends the build when it is the third whose slave is lost', async () => {
    const { master } = harness;
    const build = await master.createBuild(directoryBuild);
    const survivor = await harness.slave();
    await survivor.prepare(1);
    for (let n = 0; n < 3; n += 1) {
      const victim = await harness.slave();
      const { lease, subjob_id } = await victim.take();
      const content = Buffer.from('last words\n').toString('base64');
      const consoles = [{ atom_id: toId.atom(0), offset: 0, content }];
      await master.reportProgress(victim.id, build, subjob_id, { lease, atoms: [], consoles });
      await harness.loseOthers(survivor);
    }
    const ended = await master.getBuild(build);
    expect(ended).to.include({
      status: 'FAILURE',
      state: 'FINISHED',
      num_atoms_failed: 1,
      num_atoms_lost: 1,
    });
    const error =
      '3 slaves were lost while they ran this subjob (slave-2, slave-3, slave-4); it is not tried again.';
    expect(ended.failed_atoms?.map((atom) => atom.error)).to.deep.equal([error]);
    const { atoms } = await master.listAtoms(build, null, { offset: 0, limit: 10 });
    expect(atoms[0]).to.include({ state: 'COMPLETED', outcome: 'LOST', exit_code: null, error });
    expect(await master.archiveContents(build)).to.deep.equal({ files: [], failedFolders: ['artifact_0_0'] });
    const page = await master.readConsole(build, toId.atom(0), { offsetLine: null, maxLines: 10 });
    expect(page.content).to.equal('last words\n');
  });

  it('leaves lost atoms, distinct from failed and passed ones, also after a restart', async () => {
    const { master } = harness;
    const build = await master.createBuild(directoryBuild);
    const survivor = await harness.slave();
    await survivor.prepare(3);
    await survivor.deliver(await survivor.take(), { failing: [0] });
    await survivor.deliver(await survivor.take());
    for (let n = 0; n < 2; n += 1) {
      await (await harness.slave()).take();
      await harness.loseOthers(survivor);
    }
    await harness.restart();
    await (await harness.slave()).take();
    await harness.loseOthers(survivor);
    const { atoms } = await harness.master.listAtoms(build, null, { offset: 0, limit: 10 });
    expect(atoms.map(({ outcome }) => outcome)).to.deep.equal(['FAILED', 'PASSED', 'LOST']);
    const ended = await harness.master.getBuild(build);
    expect(ended).to.include({ state: 'FINISHED', num_atoms_failed: 2, num_atoms_lost: 1 });
    expect(ended.failed_atoms?.map(({ error }) => error === null)).to.deep.equal([true, false]);
  });

  it('ends a build in error when it is the third preparation whose slave is lost', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    for (let n = 0; n < 3; n += 1) {
      const victim = await harness.slave();
      await victim.takePreparation();
      await harness.loseOthers();
    }
    const { state, error_message } = await harness.master.getBuild(build);
    expect(state).to.equal('ERROR');
    expect(error_message).to.contain('3 slaves were lost');
  });

  it('queues its subjob without blame when its slave returns it to stop', async () => {
    const { master } = harness;
    const build = await master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(1);
    for (let n = 1; n <= 5; n += 1) {
      const { lease, subjob_id } = await slave.take();
      expect(lease.attempt).to.equal(n);
      const handback = { lease, reason: 'stopping', output: '' } as const;
      await master.returnLease(slave.id, build, subjob_id, handback);
      await master.returnLease(slave.id, build, subjob_id, handback);
      slave.leases.clear();
    }
    await slave.runAll();
    expect((await master.getBuild(build)).status).to.equal('SUCCESS');
  });

  it('queues its subjob when its slave unregisters', async () => {
    await harness.master.createBuild(directoryBuild);
    const [leaving, other] = [await harness.slave(2), await harness.slave(2)];
    await leaving.prepare(2);
    await leaving.ask();
    await harness.master.goodbyeSlave(leaving.id);
    expect((await other.ask()).assignments).to.have.length(2);
  });

  it('keeps the build from the slave on which its setup failed', async () => {
    const { master } = harness;
    const build = await master.createBuild(directoryBuild);
    const [bad, good] = [await harness.slave(), await harness.slave()];
    await bad.prepare(1);
    const { lease, subjob_id } = await bad.take();
    await master.returnLease(bad.id, build, subjob_id, { lease, reason: 'setup_failed', output: 'no make' });
    bad.leases.clear();
    expect((await bad.ask()).assignments).to.deep.equal([]);
    await good.runAll();
    expect((await master.getBuild(build)).status).to.equal('SUCCESS');
  });

  it('ends the build in error, with the output, when no connected slave can run it', async () => {
    const { master } = harness;
    const build = await master.createBuild(directoryBuild);
    const slaves = [await harness.slave(), await harness.slave()];
    await slaves[0]?.prepare(2);
    for (const slave of slaves) {
      const { lease, subjob_id } = await slave.take();
      await master.returnLease(slave.id, build, subjob_id, {
        lease,
        reason: 'setup_failed',
        output: 'no make',
      });
    }
    const { state, error_message } = await master.getBuild(build);
    expect(state).to.equal('ERROR');
    expect(error_message).to.contain('setup_build failed on slave-1, slave-2').and.to.contain('no make');
  });

  it('names slaves of one name that could not run a build by their numbers', async () => {
    const { master } = harness;
    const build = await master.createBuild(directoryBuild);
    const twin = () => harness.slave(1, 'instance', 'twin');
    const slaves = [await twin(), await twin()];
    await slaves[0]?.prepare(2);
    for (const slave of slaves) {
      const { lease, subjob_id } = await slave.take();
      await master.returnLease(slave.id, build, subjob_id, {
        lease,
        reason: 'setup_failed',
        output: 'no make',
      });
    }
    const [one, two] = slaves.map(({ id }) => `twin (slave ${id})`);
    expect((await master.getBuild(build)).error_message).to.equal(
      `setup_build failed on ${one}, ${two}; the last words on ${two}:\nno make`,
    );
  });

  it('ends the build in error when the slaves leave that had not refused it, and waits for one when there is none', async () => {
    const { master } = harness;
    const build = await master.createBuild(directoryBuild);
    const [bad, good, third] = [await harness.slave(), await harness.slave(), await harness.slave()];
    await bad.prepare(1);
    const { lease, subjob_id } = await bad.take();
    await master.returnLease(bad.id, build, subjob_id, { lease, reason: 'setup_failed', output: 'no make' });
    await master.goodbyeSlave(good.id);
    expect((await master.getBuild(build)).state).to.equal('BUILDING');
    await master.goodbyeSlave(third.id);
    const { state, error_message } = await master.getBuild(build);
    expect(state).to.equal('ERROR');
    expect(error_message).to.equal('setup_build failed on slave-1; the last words on slave-1:\nno make');
  });

  it('keeps a build that one slave refused when all slaves leave', async () => {
    const { master } = harness;
    const build = await master.createBuild(directoryBuild);
    const [bad, good] = [await harness.slave(), await harness.slave()];
    await bad.prepare(1);
    const { lease, subjob_id } = await bad.take();
    await master.returnLease(bad.id, build, subjob_id, { lease, reason: 'setup_failed', output: 'no make' });
    await master.goodbyeSlave(bad.id);
    await master.goodbyeSlave(good.id);
    expect((await master.getBuild(build)).state).to.equal('BUILDING');
    await (await harness.slave()).runAll();
    expect((await master.getBuild(build)).status).to.equal('SUCCESS');
  });

  it('belongs to a slave of one number and instance: another store may have given the number to another', async () => {
    const slave = await harness.slave();
    await refused(slave.ask({ instance: 'of another master' }), 'SLAVE_UNKNOWN');
    expect((await slave.ask()).assignments).to.deep.equal([]);
  });

  it('has a number that no other store may have given', async () => {
    const { master, clock } = harness;
    await master.createBuild(directoryBuild);
    const before = await (await harness.slave()).takePreparation();
    const other = new MasterHarness(clock.now() + 1);
    await other.start();
    try {
      await other.master.createBuild(directoryBuild);
      const after = await (await other.slave()).takePreparation();
      expect(after.lease.lease_id).to.be.greaterThan(before.lease.lease_id);
    } finally {
      await other.close();
    }
  });

  it('is canceled with its build', async () => {
    const { master } = harness;
    const build = await master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(2);
    const assignment = await slave.take();
    await master.reportProgress(slave.id, build, assignment.subjob_id, {
      lease: assignment.lease,
      atoms: assignment.atoms.map(({ id }) => ({
        id,
        state: 'IN_PROGRESS',
        exit_code: null,
        actual_time: null,
      })),
      consoles: [],
    });
    await master.cancelBuild(build);
    await refused(slave.deliver(assignment), 'STALE_LEASE');
    const { atoms } = await master.listAtoms(build, null, { offset: 0, limit: 10 });
    const begun = new Set<number>(assignment.atoms.map(({ id }) => id));
    expect(atoms.map(({ outcome }) => outcome)).to.deep.equal(
      [0, 1].map((id) => (begun.has(id) ? 'INTERRUPTED' : null)),
    );
    expect((await master.getSlave(slave.id)).num_executors_in_use).to.equal(0);
  });

  it('stays with a slave that registers again, which gets its id again', async () => {
    const { master } = harness;
    await master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(1);
    const assignment = await slave.take();
    const again = await master.registerSlave({
      name: 'renamed',
      instance: 'instance-1',
      num_executors: 7,
      url: null,
      version: '1.0.1',
      protocol: PROTOCOL,
    });
    expect(again.slave_id).to.equal(slave.id);
    expect(await master.getSlave(slave.id)).to.include({ name: 'renamed', num_executors_in_use: 1 });
    await slave.deliver(assignment);
  });

  it('ends at once, as that of a lost slave, when another slave replaces its slave', async () => {
    const { master } = harness;
    const build = await master.createBuild(directoryBuild);
    const dead = await harness.slave();
    await dead.prepare(1);
    const lost = await dead.take();
    const next = await harness.slave();
    expect((await next.ask()).assignments).to.deep.equal([]);
    const facts = {
      name: 'next',
      instance: next.instance,
      num_executors: 1,
      url: null,
      version: '1.0.0',
      protocol: PROTOCOL,
    };
    await master.registerSlave({ ...facts, replaces: dead.instance });
    expect(await master.getSlave(dead.id)).to.include({ state: 'GONE' });
    const again = await next.take();
    expect(again).to.deep.include({ subjob_id: lost.subjob_id, atoms: lost.atoms });
    await refused(dead.deliver(lost), 'SLAVE_UNKNOWN');
    // It replaces neither a slave that is gone nor itself.
    await master.registerSlave({ ...facts, replaces: dead.instance });
    await master.registerSlave({ ...facts, replaces: next.instance });
    await next.deliver(again);
    expect((await master.getBuild(build)).status).to.equal('SUCCESS');
  });

  it('leaves no record of slaves that have been gone for hours', async () => {
    const slave = await harness.slave();
    await harness.master.goodbyeSlave(slave.id);
    await harness.advance(25 * 60 * 60 * 1000);
    await harness.untilLoopsSleep();
    await refused(harness.master.getSlave(slave.id), 'NOT_FOUND');
  });
});
