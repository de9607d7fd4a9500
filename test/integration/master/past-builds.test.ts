import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { pino } from 'pino';
import { systemClock } from '../../../src/lib/clock.js';
import { openPastBuilds, type PastBuilds } from '../../../src/master/past-builds.js';
import { appliedMigrations, migrate } from '../../../src/master/store/engine/migrations.js';
import { Sqlite } from '../../../src/master/store/engine/sqlite.js';
import { toId } from '../../../src/protocol/ids.js';
import { filesOf } from '../../support/file-digests.js';
import { directoryBuild, MasterHarness, refused } from '../../support/master-harness.js';
import { settings } from '../../support/settings.js';
import { subjobArchive } from '../../support/subjob-archive.js';

const all = { offset: 0, limit: 100 };

describe('past builds', () => {
  let root: string;
  let harness: MasterHarness;
  const opened: PastBuilds[] = [];
  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'clusterrunner-past-'));
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) {
      await one.close();
    }
    await harness.close();
    rmSync(root, { recursive: true, force: true });
  });

  async function open(directory: string): Promise<PastBuilds> {
    const scratch = mkdtempSync(join(root, 'scratch-'));
    const past = await openPastBuilds({
      directory,
      scratch,
      clock: systemClock,
      random: Math.random,
      log: pino({ level: 'silent' }),
      settings,
    });
    opened.push(past);
    return past;
  }

  /** The files of the master as they are now, as if it had been killed. */
  function killed(): string {
    const directory = join(root, 'killed');
    cpSync(harness.directory, directory, { recursive: true });
    return directory;
  }

  async function runBuild(): Promise<void> {
    await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(2);
    await slave.runAll({
      failing: [1],
      content: await subjobArchive({ 'artifact_0_0/report.txt': 'all is well' }),
    });
    await harness.master.goodbyeSlave(slave.id);
  }

  it('are shown as the master shows them, with their atoms, events and results', async () => {
    await runBuild();
    const build = toId.build(1);
    const { activity: _, ...shown } = await harness.master.getBuild(build);
    const atoms = await harness.master.listAtoms(build, null, all);
    const events = await harness.master.listEvents({ id: 0, timestamp: 0, limit: 100 });
    await harness.master.close();
    const past = await open(harness.directory);
    expect(await past.getBuild(build)).to.deep.include(shown);
    expect(await past.listBuilds(all)).to.have.property('total', 1);
    expect(await past.listAtoms(build, null, all)).to.deep.equal(atoms);
    expect(await past.listEvents({ id: 0, timestamp: 0, limit: 100 })).to.deep.equal(events);
    expect((await past.archiveContents(build))?.files).to.have.length(2);
    expect((await past.explain(build)).reasons).to.deep.equal([
      { reason: 'ENDED', text: 'The build is FINISHED; it waits for nothing.' },
    ]);
    await harness.start();
  });

  it('stay as they were left when a build was unfinished, with the results that had been delivered', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(8);
    await slave.deliver(await slave.take(), {
      content: await subjobArchive({ 'artifact_0_0/report.txt': 'so far' }),
    });
    const { num_atoms_done: done } = await harness.master.getBuild(build);
    const past = await open(killed());
    expect(await past.getBuild(build)).to.include({
      state: 'BUILDING',
      num_atoms_done: done,
      num_executors: 0,
    });
    expect((await past.listUnfinished(all)).total).to.equal(0);
    expect((await past.archiveContents(build))?.files).to.have.length(1);
    expect((await past.explain(build)).reasons).to.deep.equal([
      {
        reason: 'NO_MASTER',
        text: 'The build was BUILDING when its master stopped; it is shown as it was left then.',
      },
    ]);
  });

  it('lose nothing that a killed master had committed to its log', async () => {
    await runBuild();
    const directory = killed();
    expect(readdirSync(directory)).to.include('master.db-wal');
    expect(await (await open(directory)).getBuild(toId.build(1))).to.include({ state: 'FINISHED' });
  });

  it('change no file of the master, also when archives and zips are made on request', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(1);
    const { build_id, subjob_id, lease } = await slave.take();
    await harness.master.reportProgress(slave.id, build_id, subjob_id, {
      lease,
      atoms: [{ id: toId.atom(0), state: 'COMPLETED', exit_code: 3, actual_time: 1 }],
      consoles: [],
    });
    await harness.master.cancelBuild(build);
    const directory = killed();
    const before = filesOf(directory);
    const past = await open(directory);
    const contents = await past.archiveContents(build);
    expect(contents?.files.map((file) => file.startsWith(root))).to.deep.equal([true]);
    const zip = await past.zips.open(build, contents ?? expect.fail('It has no results.'));
    expect(zip?.bytes).to.be.above(100);
    await zip?.file.close();
    expect(past.rememberNonce('a nonce', 2_000_000_000)).to.equal(true);
    await past.close();
    expect(filesOf(directory)).to.deep.equal(before);
  });

  it('are shown from a copy, so that a master can start meanwhile', async () => {
    await runBuild();
    await harness.master.close();
    const past = await open(harness.directory);
    await harness.start();
    const second = await harness.master.createBuild(directoryBuild);
    expect(second).to.equal(2);
    expect(await past.listBuilds(all)).to.have.property('total', 1);
  });

  it('can be of an older version, whose store stays as it is', async () => {
    const directory = join(root, 'older');
    mkdirSync(directory);
    const path = join(directory, 'master.db');
    const sqlite = new Sqlite(path);
    migrate(sqlite, '0006_lists_of_nonces');
    sqlite.execute(
      `INSERT INTO builds (request, state, timestamps, ended_at) VALUES ('${JSON.stringify(directoryBuild)}', 'ERROR', '{"QUEUED":1,"ERROR":2}', 2)`,
    );
    sqlite.close();
    expect(await (await open(directory)).getBuild(toId.build(1))).to.include({ state: 'ERROR' });
    const again = new Sqlite(path, { readOnly: true });
    expect(appliedMigrations(again).at(-1)).to.equal('0006_lists_of_nonces');
    again.close();
  });

  it('cannot be of a newer version, as an error with the name of the store says', async () => {
    const directory = join(root, 'newer');
    mkdirSync(directory);
    const path = join(directory, 'master.db');
    const sqlite = new Sqlite(path);
    migrate(sqlite);
    sqlite.execute(`INSERT INTO kysely_migration VALUES ('9999_future', '2099-01-01')`);
    sqlite.close();
    expect(await refused(open(directory), 'CONFLICT')).to.match(
      new RegExp(`^${path} was written by a newer version of ClusterRunner`),
    );
  });

  it('need a store', async () => {
    expect(await refused(open(root), 'NOT_FOUND')).to.contain('no master has used that folder');
  });

  it('refuse every change', async () => {
    await runBuild();
    const past = await open(killed());
    const build = toId.build(1);
    for (const change of [
      past.createBuild(directoryBuild),
      past.cancelBuild(build),
      past.rerun(build, 'failed'),
      past.drainSlaves('all'),
    ]) {
      expect(await refused(change, 'CONFLICT')).to.contain('nothing of them can be changed');
    }
  });
});
