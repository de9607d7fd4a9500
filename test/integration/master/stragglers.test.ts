import { expect } from 'chai';
import type { BuildId } from '../../../src/protocol/ids.js';
import type { RunAssignment } from '../../../src/protocol/slave/slave-messages.js';
import {
  directoryBuild,
  isRun,
  MasterHarness,
  refused,
  type TestSlave,
} from '../../support/master-harness.js';

const page = { offset: 0, limit: 10 };

describe('a straggler', () => {
  let harness: MasterHarness;
  let build: BuildId;
  let slow: TestSlave;
  let idle: TestSlave;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
    [slow, idle] = [await harness.slave(2), await harness.slave(2)];
  });
  afterEach(() => harness.close());

  /** A build of one atom that took ten seconds before, and now has run on the slow slave for 100 s. */
  async function straggle(speculative: boolean): Promise<RunAssignment> {
    await harness.master.createBuild(directoryBuild);
    await slow.prepare(1);
    await slow.runAll({ seconds: 10 });
    build = await harness.master.createBuild({ ...directoryBuild, speculative });
    await slow.prepare(1);
    const assignment = await slow.take();
    await begin(slow, assignment);
    await pass(100);
    return assignment;
  }

  const begin = (slave: TestSlave, { subjob_id, lease, atoms }: RunAssignment) =>
    harness.master.reportProgress(slave.id, build, subjob_id, {
      lease,
      atoms: atoms.map(({ id }) => ({ id, state: 'IN_PROGRESS', exit_code: null, actual_time: null })),
      consoles: atoms.map(({ id }) => ({
        atom_id: id,
        offset: 0,
        content: Buffer.from(`on slave ${slave.id}\n`).toString('base64'),
      })),
    });

  /** Moves the time while the slaves keep polling. */
  async function pass(seconds: number): Promise<void> {
    for (let left = seconds; left > 0; left -= 5) {
      harness.clock.advance(5000);
      await slow.ask({ free_executors: 0 });
      await idle.ask({ free_executors: 0 });
    }
  }

  const begunNow = async (): Promise<void> => {
    await harness.master.createBuild(directoryBuild);
    await slow.prepare(1);
    await slow.runAll({ seconds: 10 });
    build = await harness.master.createBuild({ ...directoryBuild, speculative: true });
    await slow.prepare(1);
    await begin(slow, await slow.take());
  };

  const duplicate = async () => (await idle.ask()).assignments.find(isRun);
  const metric = async (name: string) =>
    Number(
      new RegExp(`^clusterrunner_duplicates_${name}_total (\\d+)$`, 'm').exec(
        await harness.master.metrics(),
      )?.[1],
    );

  it('is not detected by a clock that is set, in either direction', async () => {
    await begunNow();
    harness.clock.set(harness.clock.now() + 3_600_000);
    expect(await duplicate()).to.equal(undefined);
    harness.clock.set(harness.clock.now() - 7_200_000);
    await pass(100);
    expect(await duplicate()).to.not.equal(undefined);
  });

  it('is detected in a first build after three of its atoms, also when the master is restarted', async () => {
    build = await harness.master.createBuild({ ...directoryBuild, speculative: true });
    await slow.prepare(4);
    const [late, first] = (await slow.ask()).assignments.filter(isRun);
    if (late === undefined || first === undefined) {
      throw new Error('A slave of two executors got less than two subjobs.');
    }
    await begin(slow, late);
    await slow.deliver(first, { seconds: 2 });
    await slow.deliver(await slow.take(), { seconds: 2 });
    const third = await slow.take();
    await begin(slow, third);
    await pass(100);
    expect(await duplicate(), 'after two').to.equal(undefined);
    await slow.deliver(third, { seconds: 2 });
    await harness.restart();
    expect(await duplicate()).to.deep.include({ subjob_id: late.subjob_id, atoms: late.atoms });
  });

  it('is left alone unless the job or the request allows duplicates', async () => {
    await straggle(false);
    expect(await duplicate()).to.equal(undefined);
  });

  it('also starts on another slave, once, and the first verdict counts', async () => {
    const first = await straggle(true);
    expect((await slow.ask()).assignments).to.deep.equal([]);
    const second = await duplicate();
    expect(second).to.deep.include({ subjob_id: first.subjob_id, atoms: first.atoms });
    expect(second?.lease.attempt).to.equal(2);
    expect(second?.build_executor_index).not.to.equal(first.build_executor_index);
    expect((await idle.ask()).assignments).to.deep.equal([]);
    const { reasons, running } = await harness.master.explain(build);
    expect(running.map((run) => [run.slave_id, run.duplicate])).to.deep.equal([
      [slow.id, false],
      [idle.id, true],
    ]);
    expect(reasons[0]?.text).to.contain('1 of them with what another slave has too');
    if (second === undefined) {
      throw new Error('There is no duplicate.');
    }
    await begin(idle, second);
    await idle.deliver(second, { content: 'of the second' });
    const ended = await harness.master.getBuild(build);
    expect(ended).to.include({ status: 'SUCCESS', num_atoms_done: 1, num_executors: 0 });
    await refused(slow.deliver(first, { failing: [0], content: 'of the first' }), 'STALE_LEASE');
    expect((await slow.ask()).cancel).to.deep.equal([first.lease]);
    await idle.deliver(second, { content: 'once more' });
    expect((await harness.master.archiveContents(build))?.files).to.have.length(1);
    expect((await harness.master.getBuild(build)).num_atoms_failed).to.equal(0);
    expect([await metric('started'), await metric('won')]).to.deep.equal([1, 1]);
  });

  it('ends its duplicate when it is done first, and notifies the other slave', async () => {
    const first = await straggle(true);
    const second = await duplicate();
    await slow.deliver(first);
    expect((await idle.ask({ free_executors: 0 })).cancel).to.deep.equal([second?.lease]);
    await slow.deliver(first);
    expect((await harness.master.getBuild(build)).status).to.equal('SUCCESS');
    expect([await metric('started'), await metric('won')]).to.deep.equal([1, 0]);
  });

  it('has the start time of the run that was done first', async () => {
    const first = await straggle(true);
    const second = await duplicate();
    if (second === undefined) {
      throw new Error('There is no duplicate.');
    }
    const startTime = async () => (await harness.master.listAtoms(build, null, page)).atoms[0]?.started_at;
    const takenAt = harness.clock.now() / 1000;
    expect(await startTime(), 'of the first run').to.be.at.most(takenAt - 100);
    await begin(idle, second);
    await pass(10);
    await idle.deliver(second, { began: 2 });
    expect(await startTime()).to.equal(takenAt + 2);
    await refused(slow.deliver(first, { began: 1 }), 'STALE_LEASE');
    expect(await startTime()).to.equal(takenAt + 2);
  });

  it('fails when the first verdict is a failure', async () => {
    const first = await straggle(true);
    const second = await duplicate();
    if (second === undefined) {
      throw new Error('There is no duplicate.');
    }
    await idle.deliver(second, { failing: [0] });
    await refused(slow.deliver(first), 'STALE_LEASE');
    expect(await harness.master.getBuild(build)).to.include({ status: 'FAILURE', num_atoms_failed: 1 });
  });

  it('is not queued again when one of the two slaves is lost, and may be duplicated again', async () => {
    const first = await straggle(true);
    const second = await duplicate();
    await harness.loseOthers(idle);
    expect(await harness.master.getBuild(build)).to.include({ num_executors: 1 });
    expect((await idle.ask()).assignments).to.deep.equal([]);
    await refused(idle.deliver(first), 'STALE_LEASE');
    if (second === undefined) {
      throw new Error('There is no duplicate.');
    }
    await begin(idle, second);
    for (let n = 0; n < 20; n += 1) {
      harness.clock.advance(5000);
      await idle.ask({ free_executors: 0 });
    }
    const third = await harness.slave();
    expect((await third.take()).lease.attempt).to.equal(3);
    await idle.deliver(second);
    expect((await harness.master.getBuild(build)).status).to.equal('SUCCESS');
  });

  it('continues in both places when the master is restarted', async () => {
    const first = await straggle(true);
    const second = await duplicate();
    await harness.restart();
    expect((await slow.ask()).cancel).to.deep.equal([]);
    expect((await idle.ask()).cancel).to.deep.equal([]);
    expect(await harness.master.getBuild(build)).to.include({ num_executors: 2 });
    if (second === undefined) {
      throw new Error('There is no duplicate.');
    }
    await slow.deliver(first);
    await harness.restart();
    await slow.deliver(first);
    await refused(idle.deliver(second), 'STALE_LEASE');
    expect((await harness.master.getBuild(build)).status).to.equal('SUCCESS');
  });

  it('shows the console of the first run as long as there is one', async () => {
    const first = await straggle(true);
    const second = await duplicate();
    if (second === undefined) {
      throw new Error('There is no duplicate.');
    }
    await begin(idle, second);
    const [atom] = first.atoms;
    if (atom === undefined) {
      throw new Error('There is one atom.');
    }
    const { content } = await harness.master.readConsole(build, atom.id, { offsetLine: null, maxLines: 10 });
    expect(content).to.equal(`on slave ${slow.id}\n`);
    const { subjobs } = await harness.master.listSubjobs(build, page);
    expect(subjobs.map(({ slave, attempt }) => [slave, attempt])).to.deep.equal([['slave-1', 2]]);
  });
});
