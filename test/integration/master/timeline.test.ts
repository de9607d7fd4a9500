import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { sql } from '../../../src/master/store/engine/sql.js';
import { openStore } from '../../../src/master/store/engine/store.js';
import { change } from '../../../src/master/store/engine/write.js';
import type { Timeline } from '../../../src/protocol/build/timeline.js';
import { type BuildId, toId } from '../../../src/protocol/ids.js';
import type { RunAssignment } from '../../../src/protocol/slave/slave-messages.js';
import { Random } from '../../chaos/random.js';
import { failureOf } from '../../support/failure-of.js';
import { directoryBuild, MasterHarness, type TestSlave } from '../../support/master-harness.js';
import { type ServedHarness, serveHarness } from '../../support/served-master.js';
import { storeBuild } from '../../support/stored-build.js';

const BEGIN = 1_700_000_000;

/** The bars of atoms: executor, start, duration and state, by id. */
function atomsOf({ atoms, executors, states }: Timeline) {
  return Object.fromEntries(
    atoms.id.map((id, at) => {
      const executor = executors[atoms.executor[at] ?? -1];
      const state = states[atoms.state[at] ?? -1];
      return [id, [`${executor?.slave}/${executor?.index}`, atoms.start[at], atoms.duration[at], state]];
    }),
  );
}

describe('the timeline of a build', () => {
  let harness: MasterHarness;
  let served: ServedHarness;
  let build: BuildId;
  let slave: TestSlave;
  beforeEach(async () => {
    harness = new MasterHarness(BEGIN * 1000);
    await harness.start();
    served = await serveHarness(harness);
    build = await harness.master.createBuild(directoryBuild);
    slave = await harness.slave();
  });
  afterEach(async () => {
    await served.close();
    await harness.close();
  });

  const timeline = (since?: string) => served.client.getTimeline(build, since);
  const restart = async () => {
    await served.close();
    await harness.restart();
    served = await serveHarness(harness);
  };

  async function pass(seconds: number, ...alive: TestSlave[]): Promise<void> {
    await harness.advance(seconds * 1000);
    for (const one of alive) {
      await one.ask({ free_executors: 0 });
    }
  }

  async function begin(by: TestSlave, { subjob_id, lease, atoms }: RunAssignment, began: number, which = 0) {
    const atom = atoms[which];
    await harness.master.reportProgress(by.id, build, subjob_id, {
      lease,
      atoms: [
        { id: atom?.id ?? toId.atom(-1), state: 'IN_PROGRESS', exit_code: null, actual_time: null, began },
      ],
      consoles: [],
      executor_index: 0,
    });
  }

  it('is empty while the build waits', async () => {
    await pass(3);
    const found = await timeline();
    expect(found).to.deep.include({
      now: BEGIN + 3,
      begins: BEGIN,
      ends: null,
      complete: false,
      whole: true,
      num_unplaced: 0,
      preparations: [],
      executors: [],
    });
    expect(found.atoms).to.deep.equal({ id: [], executor: [], start: [], duration: [], state: [] });
    expect(found.states).to.deep.equal(['in_progress', 'passed', 'failed', 'lost', 'interrupted', 'flaky']);
  });

  it('is not there without the build', async () => {
    const error = await failureOf(served.client.getTimeline(toId.build(99)));
    expect(error).to.have.property('code', 'NOT_FOUND');
  });

  it('has the preparation, with its end once it has ended', async () => {
    await pass(3);
    const preparation = await slave.takePreparation();
    const expected = { started_at: BEGIN + 3, ended_at: null, slave: 'slave-1' };
    expect((await timeline()).preparations).to.deep.equal([expected]);
    await pass(2, slave);
    await slave.reportPrepared(preparation, 1);
    expect((await timeline()).preparations).to.deep.equal([{ ...expected, ended_at: BEGIN + 5 }]);
  });

  it('has all attempts to prepare the build', async () => {
    const { lease } = await slave.takePreparation();
    await harness.master.returnPreparation(slave.id, build, { lease, reason: 'stopping', output: '' });
    slave.leases.clear();
    await slave.prepare(1);
    expect((await timeline()).preparations).to.have.length(2);
  });

  it('has setups and atoms with their executors, and is complete at the end', async () => {
    await slave.prepare(3);
    const first = await slave.take();
    await pass(20, slave);
    await slave.deliver(first, { began: 7, seconds: 2, failing: [0], setup: { began: 0.5, seconds: 6.5 } });
    const rest = await slave.runAll({ began: 0, seconds: 1.5 });
    expect(rest).to.be.greaterThan(0);
    const found = await timeline();
    expect(found).to.include({ complete: true, ends: BEGIN + 20, cursor: 'end' });
    expect(found.executors).to.deep.equal([{ slave_id: slave.id, slave: 'slave-1', index: 0 }]);
    expect(found.setups).to.deep.equal({ executor: [0], start: [500], duration: [6500] });
    expect(atomsOf(found)[0]).to.deep.equal(['slave-1/0', 7000, 2000, 'failed']);
    expect(found.atoms.start).to.deep.equal([...found.atoms.start].sort((a, b) => a - b));
    expect(found.num_unplaced).to.equal(0);
    expect((await timeline('end')).atoms.id).to.deep.equal([]);
    await restart();
    expect(await timeline()).to.deep.include({ atoms: found.atoms, setups: found.setups, complete: true });
  });

  it('shows who sets up the build now, and what runs now', async () => {
    await slave.prepare(1);
    await pass(5, slave);
    const assignment = await slave.take();
    expect((await timeline()).setups).to.deep.equal({ executor: [0], start: [5000], duration: [null] });
    await pass(5, slave);
    await begin(slave, assignment, 4);
    const found = await timeline();
    expect(found.setups.executor).to.deep.equal([]);
    expect(atomsOf(found)).to.deep.equal({ 0: ['slave-1/0', 9000, null, 'in_progress'] });
    await restart();
    // Until its slave reports again, which executor it was is not known.
    expect(atomsOf(await timeline())).to.deep.equal({ 0: ['slave-1/null', 9000, null, 'in_progress'] });
    await begin(slave, assignment, 4);
    expect(atomsOf(await timeline())).to.deep.equal({ 0: ['slave-1/0', 9000, null, 'in_progress'] });
  });

  it('has the failed run of an atom beside its last one', async () => {
    await slave.prepare(1, { retries: 2 });
    const first = await slave.take();
    await pass(5, slave);
    await slave.deliver(first, { began: 1, seconds: 2, failing: [0] });
    const waiting = await timeline();
    expect(atomsOf(waiting)).to.deep.equal({ 0: ['slave-1/0', 1000, 2000, 'failed'] });
    expect(waiting.retried.id).to.deep.equal([]);
    const again = await slave.take();
    await pass(1, slave);
    await begin(slave, again, 0.5);
    const running = await timeline(waiting.cursor);
    expect(running.whole).to.equal(false);
    expect(atomsOf(running)).to.deep.equal({ 0: ['slave-1/0', 5500, null, 'in_progress'] });
    const failedRun = { id: [0], executor: [0], start: [1000], duration: [2000] };
    expect(running.retried).to.deep.equal(failedRun);
    await pass(5, slave);
    await slave.deliver(again, { began: 0.5, seconds: 3 });
    const ended = await timeline();
    expect(atomsOf(ended)).to.deep.equal({ 0: ['slave-1/0', 5500, 3000, 'flaky'] });
    expect(ended.retried).to.deep.equal(failedRun);
  });

  it('has no failed run beside it, if the atom does not run again to an end', async () => {
    await slave.prepare(1, { retries: 1 });
    await slave.deliver(await slave.take(), { began: 0, seconds: 2, failing: [0] });
    await begin(slave, await slave.take(), 0);
    await harness.master.cancelBuild(build);
    const found = await timeline();
    expect(atomsOf(found)).to.deep.equal({ 0: ['slave-1/0', 0, 2000, 'failed'] });
    expect(found.retried.id).to.deep.equal([]);
    expect(found.complete).to.equal(true);
  });

  it('shows the work of a slave that was lost, and not as running', async () => {
    await slave.prepare(1);
    await begin(slave, await slave.take(), 0);
    const before = await timeline();
    expect(before.atoms.id).to.deep.equal([0]);
    const other = await harness.slave();
    await harness.loseOthers(other);
    const after = await timeline(before.cursor);
    expect(after.whole).to.equal(true);
    expect(after.atoms.id).to.deep.equal([]);
    const { fruitless, ends_of_fruitless } = after;
    expect(fruitless.executor).to.deep.equal([0]);
    expect(fruitless.end.map((end) => ends_of_fruitless[end])).to.deep.equal(['lost']);
    expect(fruitless.duration[0]).to.be.greaterThan(20_000);
  });

  it('ends an atom that was lost with its third slave when that was lost', async () => {
    await slave.prepare(1);
    const three = [slave, await harness.slave(), await harness.slave()];
    for (const one of three) {
      await begin(one, await one.take(), 0);
      await harness.loseOthers(...three.slice(three.indexOf(one) + 1));
    }
    const found = await timeline();
    const [, , duration, state] = atomsOf(found)[0] ?? [];
    expect([state, found.complete]).to.deep.equal(['lost', true]);
    expect(duration).to.be.greaterThan(20_000);
  });

  it('names the atoms that have changed since, and no others', async () => {
    await slave.prepare(6);
    const assignments = [await slave.take()];
    const first = await timeline();
    expect(first.whole).to.equal(true);
    expect((await timeline(first.cursor)).atoms.id).to.deep.equal([]);
    for (const assignment of assignments) {
      await begin(slave, assignment, 0);
    }
    const begun = await timeline(first.cursor);
    expect(begun.whole).to.equal(false);
    expect(begun.atoms.id).to.deep.equal([assignments[0]?.atoms[0]?.id]);
    await slave.deliver(assignments[0] ?? (await slave.take()), { began: 0, seconds: 0 });
    const delivered = await timeline(begun.cursor);
    expect(delivered.atoms.id).to.deep.equal(assignments[0]?.atoms.map(({ id }) => id));
    expect((await timeline(first.cursor)).atoms.id).to.deep.equal(delivered.atoms.id);
  });

  it('is whole for a cursor of an earlier run of the master, and for what is no cursor', async () => {
    await slave.prepare(1);
    await begin(slave, await slave.take(), 0);
    const { cursor } = await timeline();
    await restart();
    for (const since of [cursor, 'end', 'x', '', '1.2.3', `${cursor}9`]) {
      const found = await timeline(since);
      expect([found.whole, found.atoms.id], since).to.deep.equal([true, [0]]);
    }
  });

  it('is that of a build that could not be prepared', async () => {
    const { lease } = await slave.takePreparation();
    await pass(4, slave);
    await harness.master.reportPreparationFailed(slave.id, build, lease, 'No such job.');
    const found = await timeline();
    expect(found).to.include({ complete: true, ends: BEGIN + 4 });
    expect([found.preparations.length, found.atoms.id.length]).to.deep.equal([1, 0]);
  });

  it('puts work of unknown executors into lanes, which begin again for each slave', async () => {
    const other = await harness.slave();
    await slave.prepare(4);
    const [mine, theirs] = [await slave.take(), await other.take()];
    await pass(9, slave, other);
    await slave.deliver(mine, { began: 0, seconds: 1 });
    await other.deliver(theirs, { began: 0, seconds: 1 });
    await served.close();
    await harness.master.close();
    const store = await openStore(join(harness.directory, 'master.db'));
    await store.write([change(sql`UPDATE leases SET slave_executor = NULL`)]);
    await store.close();
    await harness.start();
    served = await serveHarness(harness);
    const { cursor, executors, atoms } = await timeline();
    expect(executors.map(({ slave: name, index }) => [name, index])).to.deep.equal([
      ['slave-1', null],
      ['slave-2', null],
    ]);
    expect(atoms.id).to.have.length(mine.atoms.length + theirs.atoms.length);
    const later = await timeline(cursor);
    expect(later.whole, 'nothing has changed').to.equal(false);
  });

  it('takes less than ten bytes an atom, compressed, in the order of executors and starts', async () => {
    await served.close();
    await harness.master.close();
    const random = new Random(7);
    const large = {
      atoms: 20_000,
      slaves: 10,
      executorsPerSlave: 8,
      random: () => random.next(),
      began: BEGIN * 1000,
    };
    build = await storeBuild(join(harness.directory, 'master.db'), large);
    await harness.start();
    served = await serveHarness(harness);
    const response = await fetch(`${served.url}/v1/build/${build}/timeline`);
    expect(response.headers.get('content-encoding')).to.equal('gzip');
    const text = await response.text();
    expect(gzipSync(text, { level: 4 }).length).to.be.below(10 * large.atoms);
    const { atoms, executors, setups } = await timeline();
    expect([atoms.id.length, executors.length, setups.executor.length]).to.deep.equal([20_000, 80, 80]);
    expect(new Set(atoms.id).size).to.equal(20_000);
    const inOrder = atoms.start.every((start, at) => {
      const [executor, before] = [atoms.executor[at] ?? 0, atoms.executor[at - 1] ?? -1];
      return executor > before || (executor === before && start >= (atoms.start[at - 1] ?? 0));
    });
    expect(inOrder).to.equal(true);
  });

  it('counts the atoms of an old build whose start times are not known', async () => {
    await slave.prepare(3);
    await slave.runAll();
    const found = await timeline();
    expect(found).to.include({ complete: true, num_unplaced: 3 });
    expect(found.atoms.id).to.deep.equal([]);
  });
});
