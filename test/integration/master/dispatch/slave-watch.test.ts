import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import type { BuildId } from '../../../../src/protocol/ids.js';
import type {
  Assignment,
  PrepareAssignment,
  RunAssignment,
} from '../../../../src/protocol/slave/slave-messages.js';
import {
  directoryBuild,
  isRun,
  LEASE_SECONDS,
  MasterHarness,
  refused,
  type TestSlave,
} from '../../../support/master-harness.js';
import { until } from '../../../support/until.js';

const SUSPECT_MS = 3000;
const LOOK_MS = 250;

/** A slave that always has a poll open, until it is cut off. */
class LiveSlave {
  readonly slave: TestSlave;
  readonly assignments: Assignment[] = [];
  readonly canceled: number[] = [];
  readonly #gone = new AbortController();
  readonly #done: Promise<void>;
  polls = 0;

  constructor(slave: TestSlave) {
    this.slave = slave;
    this.#done = this.#run();
  }

  get subjobs(): RunAssignment[] {
    return this.assignments.filter(isRun);
  }

  async cut(): Promise<void> {
    this.#gone.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#gone.signal.aborted) {
      this.polls += 1;
      const { assignments, cancel } = await this.slave.ask({ wait_seconds: 25 }, this.#gone);
      this.assignments.push(...assignments);
      this.canceled.push(...cancel.map(({ lease_id }) => lease_id));
      await turn();
    }
  }
}

describe('a slave that does not respond', () => {
  let harness: MasterHarness;
  let build: BuildId;
  let live: LiveSlave[];
  beforeEach(async () => {
    live = [];
    harness = new MasterHarness();
    harness.settings.suspectAfter = SUSPECT_MS / 1000;
    await harness.start();
  });
  afterEach(async () => {
    await Promise.all(live.map((one) => one.cut()));
    await harness.close();
  });

  async function join(executors = 1): Promise<LiveSlave> {
    const one = new LiveSlave(await harness.slave(executors));
    live.push(one);
    return one;
  }

  /** Moves the time as it passes for a master that is not held up. */
  async function pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= LOOK_MS) {
      harness.clock.advance(LOOK_MS);
      for (let turns = 0; turns < 10; turns += 1) {
        await turn();
      }
    }
  }

  const passUntil = (condition: () => boolean | Promise<boolean>) =>
    until(async () => {
      await pass(1000);
      return condition();
    });

  const stateOf = async ({ slave }: LiveSlave) => (await harness.master.getSlave(slave.id)).state;
  const eventsOf = async (...tags: string[]) =>
    (await harness.master.listEvents({ id: 0, timestamp: 0, limit: 1000 })).filter(({ tag }) =>
      tags.includes(tag),
    );
  const metric = async (name: string) =>
    Number(new RegExp(`^clusterrunner_${name} (\\d+)$`, 'm').exec(await harness.master.metrics())?.[1]);

  /** A build of one subjob, which the first of two slaves holds. */
  async function hold(
    extra: Parameters<TestSlave['prepare']>[1] = {},
  ): Promise<[LiveSlave, LiveSlave, RunAssignment]> {
    build = await harness.master.createBuild(directoryBuild);
    const first = await harness.slave();
    await first.prepare(1, extra);
    const holder = new LiveSlave(first);
    live.push(holder);
    await until(() => holder.subjobs.length === 1);
    const other = await join();
    await pass(LOOK_MS);
    const [held] = holder.subjobs;
    if (held === undefined) {
      throw new Error('The slave holds no subjob.');
    }
    return [holder, other, held];
  }

  it('is SUSPECT after three seconds, and its subjob starts on another slave at once', async () => {
    const [holder, other, held] = await hold();
    await holder.cut();
    await pass(SUSPECT_MS);
    expect([await stateOf(holder), other.subjobs]).to.deep.equal(['CONNECTED', []]);
    await pass(LOOK_MS);
    expect(await stateOf(holder)).to.equal('SUSPECT');
    await until(() => other.subjobs.length === 1);
    expect(other.subjobs[0]).to.deep.include({ subjob_id: held.subjob_id, atoms: held.atoms });
    expect((await harness.master.getSlave(holder.slave.id)).reason).to.contain('Nothing is heard');
    expect((await eventsOf('SLAVE_SUSPECT')).map(({ data }) => data)).to.deep.equal([
      { slave_id: holder.slave.id, slave: 'slave-1', num_leases: 1 },
    ]);
    expect((await eventsOf('SUBJOB_DUPLICATED'))[0]?.data).to.include({
      slave: 'slave-2',
      attempt: 2,
      reason: 'SUSPECT',
    });
    expect(await metric('suspicions_total')).to.equal(1);
    const { running } = await harness.master.explain(build);
    expect(running.map(({ slave, duplicate }) => [slave, duplicate])).to.deep.equal([
      ['slave-1', false],
      ['slave-2', true],
    ]);
  });

  it('loses nothing when it comes back: its result counts, and the other one is canceled', async () => {
    const [holder, other, held] = await hold();
    await holder.cut();
    await pass(10_000);
    await until(() => other.subjobs.length === 1);
    const back = new LiveSlave(holder.slave);
    live.push(back);
    await pass(LOOK_MS);
    expect(await stateOf(back)).to.equal('CONNECTED');
    await holder.slave.deliver(held);
    await until(() => other.canceled.length === 1);
    expect(await harness.master.getBuild(build)).to.include({ status: 'SUCCESS', num_atoms_lost: 0 });
    expect(await eventsOf('SUBJOB_LOST', 'SLAVE_LOST', 'SLAVE_SICK')).to.deep.equal([]);
    expect((await eventsOf('SLAVE_TRUSTED')).map(({ data }) => data.slave)).to.deep.equal(['slave-1']);
    expect(await metric('suspicions_wrong_total')).to.equal(1);
  });

  it('is refused when the other result came first, and goes on with other work', async () => {
    const [holder, other, held] = await hold();
    await holder.cut();
    await pass(SUSPECT_MS + LOOK_MS);
    await until(() => other.subjobs.length === 1);
    const [second] = other.subjobs;
    if (second === undefined) {
      throw new Error('There is no duplicate.');
    }
    await other.slave.deliver(second);
    expect((await harness.master.getBuild(build)).status).to.equal('SUCCESS');
    await refused(holder.slave.deliver(held), 'STALE_LEASE');
    holder.slave.leases.clear();
    const back = new LiveSlave(holder.slave);
    live.push(back);
    await pass(LOOK_MS);
    await harness.master.createBuild(directoryBuild);
    await until(() =>
      [back, other].some(({ assignments }) => assignments.some(({ kind }) => kind === 'prepare')),
    );
  });

  it('is lost after the time of a lease as before, and blamed once', async () => {
    const [holder, other, held] = await hold();
    await holder.cut();
    await passUntil(async () => (await stateOf(holder)) === 'GONE');
    await until(() => other.subjobs.length === 1);
    await until(async () => (await eventsOf('SLAVE_LOST')).length > 0);
    const lost = await eventsOf('SUBJOB_LOST');
    expect(lost.map(({ data }) => [data.slave, data.losses])).to.deep.equal([['slave-1', 1]]);
    const [second] = other.subjobs;
    expect(second?.lease.attempt).to.equal(2);
    if (second !== undefined) {
      await other.slave.deliver(second);
    }
    await refused(holder.slave.deliver(held), 'SLAVE_UNKNOWN');
    expect((await harness.master.getBuild(build)).status).to.equal('SUCCESS');
  });

  it('keeps a subjob to itself until it is lost if the job says `speculative: false`', async () => {
    const [holder, other] = await hold({ speculative: false });
    await holder.cut();
    await pass(10_000);
    expect([await stateOf(holder), other.subjobs]).to.deep.equal(['SUSPECT', []]);
    expect((await harness.master.explain(build)).reasons[1]?.text).to.contain('speculative: false');
    await passUntil(() => other.subjobs.length === 1);
    expect(await stateOf(holder)).to.equal('GONE');
  });

  it('has its preparation done by another slave, whichever of the two is first', async () => {
    for (const winner of ['first', 'second'] as const) {
      const slow = await join();
      build = await harness.master.createBuild(directoryBuild);
      await until(() => slow.assignments.length === 1);
      const other = await join();
      await pass(LOOK_MS);
      await slow.cut();
      await pass(SUSPECT_MS + LOOK_MS);
      await until(() => other.assignments.length === 1);
      const [mine, too] = [slow.assignments[0], other.assignments[0]] as PrepareAssignment[];
      if (mine === undefined || too === undefined) {
        throw new Error('There are two preparations.');
      }
      const [wins, loses] = winner === 'first' ? [slow, other] : [other, slow];
      const [won, lost] = winner === 'first' ? [mine, too] : [too, mine];
      await wins.slave.reportPrepared(won, 1);
      await refused(loses.slave.reportPrepared(lost, 1), 'STALE_LEASE');
      await wins.slave.reportPrepared(won, 1);
      loses.slave.leases.clear();
      expect((await harness.master.getBuild(build)).state).to.equal('BUILDING');
      await until(() => other.subjobs.length === 1);
      await other.slave.deliver(other.subjobs[0] as RunAssignment);
      expect((await harness.master.getBuild(build)).status).to.equal('SUCCESS');
      await wins.slave.reportPrepared(won, 1);
      await harness.master.goodbyeSlave(slow.slave.id);
      await other.cut();
      await harness.master.goodbyeSlave(other.slave.id);
    }
  });

  it('leaves its preparation to the other slave when it is lost, also in a master that is restarted', async () => {
    const slow = await join();
    build = await harness.master.createBuild(directoryBuild);
    await until(() => slow.assignments.length === 1);
    const other = await join();
    await pass(LOOK_MS);
    await slow.cut();
    await pass(SUSPECT_MS + LOOK_MS);
    await until(() => other.assignments.length === 1);
    await other.cut();
    await harness.restart();
    await harness.loseOthers(other.slave);
    expect(await harness.master.getBuild(build)).to.include({ state: 'PREPARING', num_executors: 1 });
    await other.slave.reportPrepared(other.assignments[0] as PrepareAssignment, 1);
    expect((await harness.master.getBuild(build)).state).to.equal('BUILDING');
  });

  it('is not suspect because the master was stopped or started', async () => {
    const [holder, other] = await hold();
    await holder.cut();
    harness.clock.advance(LEASE_SECONDS * 900);
    await pass(SUSPECT_MS - LOOK_MS);
    expect([await stateOf(holder), other.subjobs]).to.deep.equal(['CONNECTED', []]);
    await harness.restart();
    await pass(10_000);
    expect(await eventsOf('SLAVE_SUSPECT')).to.deep.equal([]);
  });

  it('is not suspect together with most of the fleet', async () => {
    const [holder, other] = await hold();
    const third = await join();
    await pass(LOOK_MS);
    await Promise.all([holder.cut(), third.cut()]);
    await pass(10_000);
    expect([await stateOf(holder), await stateOf(third), other.subjobs]).to.deep.equal([
      'CONNECTED',
      'CONNECTED',
      [],
    ]);
  });

  it('is noticed soon after a hand-out that it did not get', async () => {
    const silent = await harness.slave();
    const held = silent.ask({ wait_seconds: 25 });
    await pass(LOOK_MS);
    await harness.master.createBuild(directoryBuild);
    // The network swallows the response, and everything after it.
    expect((await held).assignments).to.have.length(1);
    const other = await join();
    await pass(SUSPECT_MS + LOOK_MS);
    await until(() => other.assignments.length === 1);
  });

  it('polls again within 1.2 seconds while it holds a lease, and seldom otherwise', async () => {
    const [holder, other] = await hold();
    const before = [holder.polls, other.polls];
    await pass(6000);
    expect([holder.polls, other.polls].map((polls, n) => polls - (before[n] ?? 0))).to.deep.equal([5, 0]);
  });
});
