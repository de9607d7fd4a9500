import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { BuildId } from '../../../../src/protocol/ids.js';
import type { Assignment } from '../../../../src/protocol/slave/slave-messages.js';
import { atCommitPoints } from '../../../support/commit-points.js';
import { directoryBuild, isRun, MasterHarness, type TestSlave } from '../../../support/master-harness.js';

const ATOMS = 60;
const page = { offset: 0, limit: 1000 };

describe('the waiting atoms of a build', () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  /** Every atom is in one subjob, subjobs are numbered without gaps, and every response is consistent with that. */
  async function groupsOf(build: BuildId, of = harness): Promise<number[]> {
    const { subjobs, total } = await of.master.listSubjobs(build, page);
    expect(subjobs.map(({ id }) => id)).to.deep.equal(subjobs.map((_, n) => n));
    expect((await of.master.getBuild(build)).num_subjobs)
      .to.equal(total)
      .and.to.equal(subjobs.length);
    const atoms = subjobs.flatMap((subjob) => subjob.atoms.map(({ id }) => id));
    expect(atoms.sort((a, b) => a - b)).to.deep.equal(Array.from({ length: ATOMS }, (_, n) => n));
    for (const subjob of subjobs) {
      // Atoms of a finished subjob may run again in another.
      expect(subjob.atoms.length > 0 || subjob.state === 'COMPLETED').to.equal(true);
      expect(subjob.atoms.every(({ subjob_id }) => subjob_id === subjob.id)).to.equal(true);
    }
    return subjobs.map((subjob) => subjob.atoms.length);
  }

  const deliverAll = (slave: TestSlave, assignments: readonly Assignment[]) =>
    Promise.all(assignments.filter(isRun).map((one) => slave.deliver(one)));

  async function everyAtomRunsOnce(build: BuildId, slaves: readonly TestSlave[]): Promise<void> {
    for (let rounds = 0; (await harness.master.getBuild(build)).result === null; rounds += 1) {
      expect(rounds).to.be.lessThan(100);
      for (const slave of slaves) {
        await slave.runAll();
      }
    }
    const ended = await harness.master.getBuild(build);
    expect(ended).to.include({ status: 'SUCCESS', num_atoms_done: ATOMS });
    const files = (await harness.master.archiveContents(build))?.files ?? [];
    expect(files).to.have.length(ended.num_subjobs ?? -1);
  }

  it('are regrouped when executors join, before the first of them gets work', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const first = await harness.slave();
    await first.prepare(ATOMS);
    const taken = await first.take();
    const before = await groupsOf(build);
    const joined = await harness.slave(20);
    const after = await groupsOf(build);
    expect(after[taken.subjob_id]).to.equal(before[taken.subjob_id]);
    expect(after.length).to.be.greaterThan(before.length);
    expect(Math.max(...after.slice(1))).to.equal(1);
    const { assignments } = await joined.ask();
    expect(assignments).to.have.length(20);
    await deliverAll(joined, assignments);
    await first.deliver(taken);
    await everyAtomRunsOnce(build, [first, joined]);
  });

  it('are regrouped when executors leave', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const [first, second] = [await harness.slave(), await harness.slave(20)];
    await first.prepare(ATOMS);
    const before = await groupsOf(build);
    await harness.master.goodbyeSlave(second.id);
    expect((await groupsOf(build)).length).to.be.lessThan(before.length);
    await everyAtomRunsOnce(build, [first]);
  });

  it('keep their groups when the change is small', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const first = await harness.slave(4);
    await first.prepare(ATOMS);
    const before = await groupsOf(build);
    await harness.slave(1);
    expect(await groupsOf(build)).to.deep.equal(before);
  });

  it('are regrouped when durations of atoms without history become known', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(ATOMS);
    const before = await groupsOf(build);
    await slave.deliver(await slave.take(), { seconds: 30 });
    const after = await groupsOf(build);
    expect(Math.max(...before)).to.be.greaterThan(5);
    expect(Math.max(...after.slice(1))).to.equal(1);
    expect((await harness.master.getBuild(build)).num_subjobs).to.equal(after.length);
    await everyAtomRunsOnce(build, [slave]);
  });

  it('are grouped by the assumed durations when the master is restarted', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(ATOMS);
    await slave.deliver(await slave.take(), { seconds: 2.5 });
    await harness.restart();
    expect(Math.max(...(await groupsOf(build)).slice(1))).to.equal(1);
    // Earlier durations still count, so it takes several to show that atoms are shorter.
    let largest = 1;
    for (let atoms = 0; atoms < 45 && largest === 1; atoms += 1) {
      await slave.deliver(await slave.take(), { seconds: 0.01 });
      largest = Math.max(...(await groupsOf(build)).slice(1));
    }
    expect(largest).to.be.greaterThan(1);
    await everyAtomRunsOnce(build, [slave]);
  });

  it('keep their numbers where a subjob was added for a retry', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const [first, second] = [await harness.slave(), await harness.slave(20)];
    await first.prepare(ATOMS, { retries: 1 });
    const failing = await first.take();
    await first.deliver(failing, { failing: failing.atoms.map(({ id }) => id) });
    await harness.master.goodbyeSlave(second.id);
    await groupsOf(build);
    await everyAtomRunsOnce(build, [first]);
  });

  it('are consistent when the master is killed before or after any commit of a regrouping', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'clusterrunner-regrouping-'));
    const copies: string[] = [];
    try {
      const build = await harness.master.createBuild(directoryBuild);
      const first = await harness.slave();
      await first.prepare(ATOMS);
      await atCommitPoints(
        () => {
          const copy = join(directory, String(copies.length));
          cpSync(harness.directory, copy, { recursive: true });
          copies.push(copy);
        },
        async () => {
          await first.take();
          const joined = await harness.slave(20);
          await joined.ask();
          await harness.master.goodbyeSlave(joined.id);
          await harness.master.close();
        },
      );
      expect(copies.length).to.be.greaterThan(8);
      for (const copy of copies) {
        const again = new MasterHarness(harness.clock.now());
        try {
          cpSync(copy, again.directory, { recursive: true });
          await again.start();
          await groupsOf(build, again);
          const fresh = await again.slave(20, 'fresh');
          await groupsOf(build, again);
          for (let rounds = 0; (await again.master.getBuild(build)).result === null; rounds += 1) {
            expect(rounds, 'rounds of work').to.be.lessThan(50);
            const { assignments } = await fresh.ask();
            await deliverAll(fresh, assignments);
            if (assignments.length === 0) {
              await again.loseOthers(fresh);
            }
          }
          expect(await again.master.getBuild(build)).to.include({ status: 'SUCCESS', num_atoms_done: ATOMS });
        } finally {
          await again.close();
        }
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
