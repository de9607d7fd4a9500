import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { pino } from 'pino';
import { createMaster } from '../../../src/master/master.js';
import { Sqlite } from '../../../src/master/store/engine/sqlite.js';
import { lastingFacts } from '../../support/lasting-facts.js';
import { directoryBuild, MasterHarness, refused } from '../../support/master-harness.js';

describe('a master that is restarted', () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  it('continues its builds: running, waiting and finished subjobs stay what they were', async () => {
    const id = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave(2);
    await slave.prepare(5);
    const running = (await slave.ask()).assignments;
    const [first, second] = running;
    if (first?.kind !== 'run' || second?.kind !== 'run') {
      throw new Error('Two subjobs should run.');
    }
    await slave.deliver(first, { failing: first.atoms.map((atom) => atom.id) });
    const before = await harness.master.getBuild(id);
    await harness.restart();
    const after = await harness.master.getBuild(id);
    // The names of failed atoms are forgotten, but not their number.
    expect(after.activity).to.deep.equal({
      ...before.activity,
      failures: { ...before.activity?.failures, latest: [] },
    });
    expect({ ...after, activity: null }).to.deep.equal({ ...before, activity: null });
    await slave.deliver(first);
    await slave.deliver(second);
    await slave.runAll();
    expect(await harness.master.getBuild(id)).to.include({
      state: 'FINISHED',
      status: 'FAILURE',
      num_atoms_done: 5,
      num_atoms_failed: first.atoms.length,
    });
  });

  it('names its database when that holds invalid data', async () => {
    await harness.master.createBuild(directoryBuild);
    await harness.master.close();
    const path = join(harness.directory, 'master.db');
    const db = new Sqlite(path);
    db.execute("UPDATE builds SET request = '{'");
    db.close();
    const failure: unknown = await harness.start().catch((error: unknown) => error);
    expect(failure).to.have.property('code', 'CONFLICT');
    expect(failure).to.have.property('message').that.contains(`${path} is damaged`);
    rmSync(path);
    await harness.start();
  });

  it('waits for a running preparation, and accepts its report', async () => {
    const id = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    const preparation = await slave.takePreparation();
    await harness.restart();
    expect((await harness.master.getBuild(id)).state).to.equal('PREPARING');
    await slave.reportPrepared(preparation, 3);
    await slave.reportPrepared(preparation, 3);
    expect((await harness.master.getBuild(id)).num_atoms).to.equal(3);
  });

  it('takes back an assignment whose response never arrived', async () => {
    await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.takePreparation();
    slave.leases.clear();
    await harness.restart();
    expect((await slave.takePreparation()).lease.attempt).to.equal(2);
  });

  it('notices slaves that vanished meanwhile', async () => {
    await harness.master.createBuild(directoryBuild);
    const [lost, other] = [await harness.slave(), await harness.slave()];
    await lost.takePreparation();
    await harness.restart();
    await harness.loseOthers(other);
    expect((await other.takePreparation()).lease.attempt).to.equal(2);
  });

  it('continues the ids of builds, slaves and leases', async () => {
    const first = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    const { lease } = await slave.takePreparation();
    await harness.restart();
    expect(await harness.master.createBuild(directoryBuild)).to.equal(first + 1);
    const other = await harness.slave();
    expect(other.id).to.be.greaterThan(slave.id);
    expect((await other.takePreparation()).lease.lease_id).to.be.greaterThan(lease.lease_id);
  });

  it('shows ended builds as before', async () => {
    const id = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(2);
    await slave.runAll({ failing: [1] });
    const before = await harness.master.getBuild(id);
    await harness.restart();
    expect(lastingFacts(await harness.master.getBuild(id))).to.deep.equal(lastingFacts(before));
  });

  it('remembers nonces until they expire', async () => {
    const expires = harness.clock.now() / 1000 + 60.5;
    expect(harness.master.rememberNonce('once', expires)).to.equal(true);
    expect(harness.master.rememberNonce('once', expires)).to.equal(false);
    await harness.restart();
    expect(harness.master.rememberNonce('once', expires)).to.equal(false);
  });

  it('has another session id', async () => {
    const { sessionId } = harness.master;
    await harness.restart();
    expect(harness.master.sessionId)
      .to.match(/^[0-9a-f]{32}$/)
      .and.not.to.equal(sessionId);
  });

  it('refuses a directory that another master uses', async () => {
    const second = createMaster({
      directory: harness.directory,
      clock: harness.clock,
      random: Math.random,
      log: pino({ level: 'silent' }),
      settings: harness.settings,
    });
    expect(await refused(second, 'CONFLICT')).to.contain(`Another master uses ${harness.directory}`);
    await harness.master.createBuild(directoryBuild);
  });
});
