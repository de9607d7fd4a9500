import { expect } from 'chai';
import { toId } from '../../../../src/protocol/ids.js';
import type { Assignment, RunAssignment } from '../../../../src/protocol/slave/slave-messages.js';
import { noWork } from '../../../support/fake-service.js';
import { directoryBuild, isRun, MasterHarness, refused } from '../../../support/master-harness.js';
import { until } from '../../../support/until.js';

describe("a slave's poll request", () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  const waiting = async (call: Promise<unknown>): Promise<boolean> => {
    const before = harness.clock.sleeping;
    await until(() => harness.clock.sleeping >= before);
    return Promise.race([
      call.then(() => false),
      harness.master.listSlaves({ offset: 0, limit: 1 }).then(() => true),
    ]);
  };
  /** A held poll: the clock has one more sleeper than the loops of the master. */
  const held = async <T>(call: Promise<T>): Promise<{ response: Promise<T> }> => {
    await until(() => harness.clock.sleeping > harness.loops);
    return { response: call };
  };

  it('gets its response as soon as a build appears', async () => {
    const slave = await harness.slave();
    const { response } = await held(slave.ask({ wait_seconds: 9 }));
    const build = await harness.master.createBuild(directoryBuild);
    expect((await response).assignments.map(({ kind, build_id }) => [kind, build_id])).to.deep.equal([
      ['prepare', build],
    ]);
  });

  it('gets an empty response when its wait time is over', async () => {
    const slave = await harness.slave();
    const { response } = await held(slave.ask({ wait_seconds: 5 }));
    expect(await waiting(response)).to.equal(true);
    harness.clock.advance(5000);
    expect(await response).to.deep.equal({ assignments: [], cancel: [], release: [], drain: false });
  });

  it('gets an empty response when a newer one of the slave arrives', async () => {
    const slave = await harness.slave();
    const { response: older } = await held(slave.ask({ wait_seconds: 9 }));
    const newer = slave.ask({ wait_seconds: 9 });
    expect((await older).assignments).to.deep.equal([]);
    await held(newer);
    await harness.master.createBuild(directoryBuild);
    expect((await newer).assignments).to.have.length(1);
  });

  it('gets a subjob that no other of many slaves gets', async () => {
    await harness.master.createBuild(directoryBuild);
    const slaves = await Promise.all(Array.from({ length: 20 }, () => harness.slave(3)));
    const [first] = slaves;
    await first?.prepare(50);
    const responses = await Promise.all(slaves.map((slave) => slave.ask()));
    const taken = responses.flatMap(({ assignments }) => assignments.filter(isRun));
    const subjobs = taken.map(({ subjob_id }) => subjob_id);
    expect(new Set(subjobs).size).to.equal(subjobs.length);
    expect(taken).to.have.length(50);
    expect(new Set(taken.map(({ build_executor_index }) => build_executor_index)).size).to.equal(50);
    expect(new Set(taken.flatMap(({ atoms }) => atoms.map(({ id }) => id))).size).to.equal(50);
  });

  it('gives an assignment back at once when its client hung up', async () => {
    await harness.master.createBuild(directoryBuild);
    const [gone, other] = [await harness.slave(), await harness.slave()];
    const client = new AbortController();
    const response = gone.ask({}, client);
    client.abort();
    expect((await response).assignments).to.deep.equal([]);
    const preparation = await other.takePreparation();
    expect(preparation.lease.attempt).to.equal(2);
  });

  it('gets the assignment that was chosen for an older one', async () => {
    await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    const older = slave.ask();
    const newer = slave.ask({ wait_seconds: 9 });
    expect((await older).assignments).to.deep.equal([]);
    expect((await newer).assignments).to.have.length(1);
  });

  it('gets the assignment that was chosen for it when the slave still waits for it', async () => {
    await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave(1);
    await slave.prepare(4);
    const older = slave.ask({ free_executors: 1 });
    const { response: newer } = await held(
      slave.ask({ wait_seconds: 9, free_executors: 1, open_polls: [2] }),
    );
    expect((await older).assignments).to.have.length(1);
    expect(await waiting(newer)).to.equal(true);
    const { lease } = (await older).assignments[0] ?? {};
    expect(lease?.attempt).to.equal(1);
    harness.clock.advance(9000);
    expect((await newer).assignments).to.deep.equal([]);
  });

  /** A slave with four executors that works on one subjob, and whose older poll of two is held. */
  const withOneHeld = async (executors = 4) => {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave(executors);
    await slave.prepare(8);
    await slave.ask({ free_executors: 1 });
    const { response: older } = await held(slave.ask({ wait_seconds: 9, free_executors: 0 }));
    return { build, slave, older, poll: 3 };
  };

  it('gets what a newer one asks for, and the newer one is held', async () => {
    const { slave, older, poll } = await withOneHeld();
    const newer = slave.ask({ wait_seconds: 9, free_executors: 2, open_polls: [poll] });
    expect((await older).assignments).to.have.length(2);
    expect(await waiting(newer)).to.equal(true);
    // Everything that it asked for is on its way.
    await harness.master.createBuild(directoryBuild);
    expect(await waiting(newer)).to.equal(true);
    harness.clock.advance(9000);
    expect(await newer).to.deep.equal(noWork);
  });

  it('counts as naming what the response to an older one brings', async () => {
    const { build, slave, older, poll } = await withOneHeld();
    const named = [...slave.leases.values()];
    const newer = slave.ask({ wait_seconds: 9, free_executors: 1, leases: named, open_polls: [poll] });
    const assigned = (await older).assignments.map(({ lease }) => lease);
    expect(assigned).to.have.length(1);
    await harness.master.cancelBuild(build);
    expect((await newer).cancel).to.deep.equal([...named, ...assigned]);
  });

  it('learns again that a lease is over when the slave could not have named it at the first notice', async () => {
    const { build, slave, older, poll } = await withOneHeld();
    const newer = slave.ask({ wait_seconds: 9, free_executors: 1, open_polls: [poll] });
    const [assigned] = (await older).assignments;
    await harness.master.cancelBuild(build);
    await newer;
    const leases = assigned === undefined ? [] : [assigned.lease];
    // As if the response with the assignment had arrived after the one that canceled it.
    expect((await slave.ask({ wait_seconds: 9, leases })).cancel).to.deep.equal(leases);
  });

  it('gets no assignment when the slave no longer waits for it', async () => {
    const { slave, older } = await withOneHeld();
    const newer = slave.ask({ wait_seconds: 9, free_executors: 1, open_polls: [] });
    expect((await older).assignments).to.deep.equal([]);
    expect((await newer).assignments).to.have.length(1);
  });

  it('gets its response when an older one cannot deliver the work that was promised to it', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave(2);
    await slave.prepare(8);
    await slave.ask({ free_executors: 1 });
    const client = new AbortController();
    const { response: older } = await held(slave.ask({ wait_seconds: 9, free_executors: 0 }, client));
    const newer = slave.ask({ wait_seconds: 9, free_executors: 1, open_polls: [3] });
    client.abort();
    expect((await older).assignments).to.deep.equal([]);
    expect((await newer).assignments).to.deep.equal([]);
    const [again] = (await slave.ask({ free_executors: 1 })).assignments;
    expect(again?.build_id).to.equal(build);
  });

  it('makes the master queue the assignment of an older one that did not arrive', async () => {
    const { slave, older, poll } = await withOneHeld();
    const named = [...slave.leases.values()];
    void slave.ask({ wait_seconds: 9, free_executors: 1, open_polls: [poll] });
    const [lost] = (await older).assignments.filter(isRun);
    const [again] = (await slave.ask({ free_executors: 1, leases: named })).assignments.filter(isRun);
    expect(again?.subjob_id).to.equal(lost?.subjob_id);
    expect(again?.lease.attempt).to.equal(2);
  });

  it('tells the master which atoms have begun, but not for a lease that is over', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave(2);
    await slave.prepare(8);
    const [first, second] = (await slave.ask()).assignments.filter(isRun);
    if (first === undefined || second === undefined) {
      throw new Error('Nothing to run was handed out.');
    }
    const begun = ({ subjob_id, lease, atoms }: RunAssignment) => ({
      build_id: build,
      subjob_id,
      lease,
      atoms: atoms.slice(0, 1).map(({ id }) => ({
        id,
        state: 'IN_PROGRESS' as const,
        exit_code: null,
        actual_time: null,
      })),
    });
    const old = { ...second.lease, attempt: toId.attempt(second.lease.attempt + 1) };
    await slave.ask({ progress: [begun(first), begun({ ...second, lease: old })] });
    await slave.deliver(second);
    const { atoms } = await harness.master.listAtoms(build, null, { offset: 0, limit: 100 });
    const inProgress = atoms.filter(({ state }) => state === 'IN_PROGRESS');
    expect(inProgress.map(({ id }) => id)).to.deep.equal([first.atoms[0]?.id]);
  });

  it('makes the master queue a lease that it does not name, as its response was lost', async () => {
    await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    const { lease } = await slave.takePreparation();
    slave.leases.clear();
    const again = await slave.takePreparation();
    expect(again.lease.attempt).to.equal(2);
    expect(again.lease.lease_id).to.be.greaterThan(lease.lease_id);
    await refused(
      harness.master.reportPreparationFailed(slave.id, again.build_id, lease, 'too late'),
      'STALE_LEASE',
    );
  });

  it('need not name a lease whose response is on its way', async () => {
    await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    const { lease } = await slave.takePreparation();
    expect((await slave.ask({ leases: [], open_polls: [1] })).assignments).to.deep.equal([]);
    expect((await slave.ask({ leases: [lease] })).cancel).to.deep.equal([]);
    expect((await slave.ask({ leases: [], free_executors: 1 })).assignments).to.have.length(1);
  });

  it('may ask for work ahead, which is returned when no executor becomes free', async () => {
    await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave(1);
    await slave.reportPrepared(await slave.takePreparation(), 200);
    await slave.take();
    const [ahead] = (await slave.ask({ free_executors: 0, ahead: 1 })).assignments;
    if (ahead === undefined || !isRun(ahead)) {
      throw new Error('Nothing came ahead.');
    }
    expect((await slave.ask({ free_executors: 0 })).assignments).to.deep.equal([]);
    const handback = { lease: ahead.lease, reason: 'not_begun', output: '' } as const;
    await harness.master.returnLease(slave.id, ahead.build_id, ahead.subjob_id, handback);
    slave.leases.delete(ahead.lease.lease_id);
    const again = (await slave.ask({ free_executors: 1 })).assignments.find(isRun);
    expect(again?.subjob_id).to.equal(ahead.subjob_id);
    expect(again?.lease.attempt).to.equal(2);
  });

  it('is ignored when a newer one overtook it', async () => {
    await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    const preparation = await slave.takePreparation();
    await slave.ask({ poll: 5 });
    expect((await slave.ask({ poll: 4, leases: [], free_executors: 1 })).assignments).to.deep.equal([]);
    await slave.reportPrepared(preparation, 1);
  });

  it('learns at once that a build was canceled, once for each lease and build', async () => {
    const { master } = harness;
    const build = await master.createBuild(directoryBuild);
    const slave = await harness.slave(2);
    await slave.prepare(4);
    await slave.ask();
    const named = [...slave.leases.values()];
    const { response } = await held(slave.ask({ wait_seconds: 9, leases: named }));
    await master.cancelBuild(build);
    expect(await response).to.deep.include({ cancel: named, release: [build] });
    // The slave still ends processes and runs the teardown: its next poll is held.
    const { response: next } = await held(slave.ask({ wait_seconds: 9, leases: named }));
    expect(await waiting(next)).to.equal(true);
    harness.clock.advance(9000);
    expect(await next).to.deep.include({ cancel: named, release: [build] });
  });

  it('learns that a build no longer needs the slave', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(1);
    const assignment = await slave.take();
    expect((await slave.ask()).release).to.deep.equal([]);
    await slave.deliver(assignment);
    expect((await slave.ask()).release).to.deep.equal([build]);
  });

  it('learns that a lease which the master never gave is canceled', async () => {
    const slave = await harness.slave();
    await harness.master.createBuild(directoryBuild);
    const { lease } = await slave.takePreparation();
    const other = await harness.slave();
    expect((await other.ask({ leases: [lease] })).cancel).to.deep.equal([]);
    const unknown = { ...lease, lease_id: toId.lease(lease.lease_id + 1000) };
    expect((await other.ask({ leases: [unknown] })).cancel).to.deep.equal([unknown]);
  });

  it('respects the limits of the job', async () => {
    await harness.master.createBuild(directoryBuild);
    const [one, two] = [await harness.slave(5), await harness.slave(5)];
    await one.prepare(10, { max_executors: 3, max_executors_per_slave: 2 });
    const runs = async (slave: typeof one): Promise<Assignment[]> => (await slave.ask()).assignments;
    const first = (await runs(one)).filter(isRun);
    expect(first).to.have.length(2);
    expect(await runs(two)).to.have.length(1);
    const [done] = first;
    if (done === undefined) {
      throw new Error('Nothing was taken.');
    }
    await one.deliver(done);
    expect(await runs(two)).to.have.length(1);
  });

  it('gets a place that becomes free when it waits because of the limit', async () => {
    await harness.master.createBuild(directoryBuild);
    const [one, two] = [await harness.slave(), await harness.slave()];
    await one.prepare(4, { max_executors: 1 });
    const assignment = await one.take();
    const { response } = await held(two.ask({ wait_seconds: 9 }));
    await one.deliver(assignment);
    expect((await response).assignments).to.have.length(1);
  });

  it('shares executors between builds', async () => {
    const { master } = harness;
    const builds = [await master.createBuild(directoryBuild), await master.createBuild(directoryBuild)];
    const slave = await harness.slave(4);
    const preparations = (await slave.ask()).assignments;
    for (const preparation of preparations) {
      if (preparation.kind === 'prepare') {
        await slave.reportPrepared(preparation, 10);
      }
    }
    const taken = (await slave.ask()).assignments.map(({ build_id }) => build_id);
    expect(taken.sort((a, b) => a - b)).to.deep.equal([builds[0], builds[0], builds[1], builds[1]]);
  });

  it('gets no work and the order to drain when the slave drains', async () => {
    const slave = await harness.slave();
    const { response } = await held(slave.ask({ wait_seconds: 9 }));
    expect(await harness.master.drainSlaves([slave.id])).to.deep.equal([slave.id]);
    expect((await response).drain).to.equal(true);
    await harness.master.createBuild(directoryBuild);
    expect(await slave.ask()).to.deep.include({ assignments: [], drain: true });
    expect((await harness.master.getSlave(slave.id)).state).to.equal('DRAINING');
  });

  it('is refused when the slave never registered', async () => {
    const slave = await harness.slave();
    await harness.master.goodbyeSlave(slave.id);
    await harness.master.goodbyeSlave(slave.id);
    expect(await refused(slave.ask(), 'SLAVE_UNKNOWN')).to.contain('register again');
  });
});
