import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Sqlite } from '../../../src/master/store/engine/sqlite.js';
import { ClusterRunnerError } from '../../../src/protocol/errors.js';
import { type AtomId, type BuildId, toId } from '../../../src/protocol/ids.js';
import type { RunAssignment } from '../../../src/protocol/slave/slave-messages.js';
import { atCommitPoints } from '../../support/commit-points.js';
import {
  directoryBuild,
  isRun,
  MasterHarness,
  staying,
  type TestSlave,
} from '../../support/master-harness.js';
import { ranIn } from '../../support/ran-in.js';
import { until } from '../../support/until.js';

/** Promises of the master. */
type Promised =
  | { readonly kind: 'build'; readonly build: BuildId }
  | { readonly kind: 'canceled'; readonly build: BuildId }
  | { readonly kind: 'result'; readonly build: BuildId; readonly atoms: readonly AtomId[] };

/** A copy of the disk at a commit point, and the promises made until then. */
interface Snapshot {
  readonly directory: string;
  readonly when: 'before' | 'after';
  readonly promised: readonly Promised[];
}

interface Delivery {
  readonly slave: TestSlave;
  readonly assignment: RunAssignment;
}

interface Known {
  /** The build with failing atoms. */
  readonly first: BuildId;
  readonly canceled: BuildId;
}

const ATOMS = 4;
/** In the first build; its atoms always fail. */
const FAILING = 2;

describe('a master that is killed at a commit point of its store', () => {
  let directory: string;
  let harness: MasterHarness;
  const snapshots: Snapshot[] = [];
  const deliveries: Delivery[] = [];
  let known: Known;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'clusterrunner-snapshots-'));
    harness = new MasterHarness();
    const promised: Promised[] = [];
    await atCommitPoints(
      (when) => {
        const snapshot = join(directory, String(snapshots.length));
        cpSync(harness.directory, snapshot, { recursive: true });
        snapshots.push({ directory: snapshot, when, promised: [...promised] });
      },
      async () => {
        await harness.start();
        known = await playStory(harness, promised, deliveries);
        await harness.master.close();
      },
    );
  });
  after(async () => {
    await harness.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('was inspected before and after every commit of a story with every kind of change', () => {
    expect(snapshots.filter(({ when }) => when === 'before')).to.have.length.greaterThan(15);
    expect(snapshots.at(-1)?.promised.map(({ kind }) => kind)).to.include.members([
      'build',
      'canceled',
      'result',
    ]);
  });

  it('keeps its promises when it is restarted, and brings every build to its right end', async () => {
    for (const [number, snapshot] of snapshots.entries()) {
      const again = new MasterHarness(harness.clock.now());
      try {
        cpSync(snapshot.directory, again.directory, { recursive: true });
        await again.start();
        const where = `killed ${snapshot.when} commit ${Math.floor(number / 2)}`;
        await expectPromised(again, snapshot.promised, where);
        await deliverAgain(again, deliveries, known.first);
        await runTheRest(again, known.first);
        await expectRecordedOnce(again, where);
        await expectRightEnds(again, known, where);
      } finally {
        await again.close();
      }
    }
  });
});

/** Builds are created, canceled, returned, lost, delivered, failed and run again. */
async function playStory(
  harness: MasterHarness,
  promised: Promised[],
  deliveries: Delivery[],
): Promise<Known> {
  const { master } = harness;
  const build = async () => {
    const id = await master.createBuild(directoryBuild);
    promised.push({ kind: 'build', build: id });
    return id;
  };
  const deliver = async (slave: TestSlave, assignment: RunAssignment, failing: readonly AtomId[]) => {
    deliveries.push({ slave, assignment });
    await slave.deliver(assignment, { failing });
    promised.push({
      kind: 'result',
      build: assignment.build_id,
      atoms: assignment.atoms.map(({ id }) => id),
    });
  };
  const [one, two, three] = [await harness.slave(), await harness.slave(), await harness.slave()];
  const first = await build();
  await one.prepare(ATOMS);
  await deliver(one, await one.take(), []);
  const vanishing = await two.take();
  await harness.loseOthers(one, three);
  await master.returnLease(three.id, first, (await three.take()).subjob_id, {
    lease: [...three.leases.values()][0] ?? vanishing.lease,
    reason: 'stopping',
    output: '',
  });
  three.leases.clear();
  deliveries.push({ slave: two, assignment: vanishing });
  for (let assignment = await one.take(); ; assignment = await one.take()) {
    await deliver(one, assignment, failingOf(assignment, first));
    if ((await master.getBuild(first)).result !== null) {
      break;
    }
  }
  const canceled = await build();
  await one.prepare(ATOMS);
  const forNothing = await one.take();
  await master.cancelBuild(canceled);
  promised.push({ kind: 'canceled', build: canceled });
  deliveries.push({ slave: one, assignment: forNothing });
  one.leases.clear();
  await build();
  await one.prepare(2, { retries: 1 });
  const flaky = await one.take();
  await deliver(
    one,
    flaky,
    flaky.atoms.map(({ id }) => id),
  );
  await one.runAll();
  await master.goodbyeSlave(one.id);
  return { first, canceled };
}

function failingOf({ build_id, atoms }: RunAssignment, first: BuildId): AtomId[] {
  return build_id === first ? atoms.map(({ id }) => id).filter((id) => id === FAILING) : [];
}

async function expectPromised(
  { master }: MasterHarness,
  promised: readonly Promised[],
  where: string,
): Promise<void> {
  for (const one of promised) {
    const { state } = await master.getBuild(one.build);
    if (one.kind === 'canceled') {
      expect(state, where).to.equal('CANCELED');
    }
    if (one.kind === 'result') {
      for (const id of one.atoms) {
        const atom = await master.getAtom(one.build, id);
        expect(atom.state === 'COMPLETED' || atom.num_retries > 0, `${where}: atom ${id}`).to.equal(true);
      }
    }
  }
}

/** Slaves repeat all reports, lost slaves too: each is accepted once or refused, and breaks nothing. */
async function deliverAgain(
  harness: MasterHarness,
  deliveries: readonly Delivery[],
  first: BuildId,
): Promise<void> {
  for (const { slave, assignment } of deliveries) {
    const { build_id, subjob_id, lease, atoms } = assignment;
    const failing = failingOf(assignment, first);
    const report = {
      lease,
      atoms: atoms.map(({ id }) => ({ id, exit_code: failing.includes(id) ? 1 : 0, actual_time: 1 })),
      ran_in: ranIn,
      index: { members: [], consoles: [] },
    };
    try {
      await harness.master.acceptResult(slave.id, build_id, subjob_id, report, harness.archive());
    } catch (error) {
      expect(error).to.be.instanceOf(ClusterRunnerError);
    }
  }
}

/** Other slaves do the rest once the earlier ones are known to be gone. */
async function runTheRest(harness: MasterHarness, first: BuildId): Promise<void> {
  const { master } = harness;
  const fresh = await harness.slave(1, 'fresh');
  for (let round = 0; ; round += 1) {
    const { builds } = await master.listBuilds({ offset: 0, limit: 100 });
    if (builds.every(({ result }) => result !== null)) {
      return;
    }
    expect(round, 'rounds of work').to.be.lessThan(100);
    const { assignments } = await fresh.ask();
    for (const assignment of assignments) {
      if (isRun(assignment)) {
        await fresh.deliver(assignment, { failing: failingOf(assignment, first) });
      } else {
        await fresh.reportPrepared(assignment, ATOMS);
      }
    }
    if (assignments.length === 0) {
      await harness.loseOthers(fresh);
    }
  }
}

/** The history has each build whose job was read once, and each atom as often as it has a verdict. */
async function expectRecordedOnce({ master }: MasterHarness, where: string): Promise<void> {
  const all = { offset: 0, limit: 100 };
  const { builds } = await master.listBuilds(all);
  const withJob = builds.filter(({ num_atoms }) => num_atoms !== null);
  const runs = withJob.reduce((sum, { num_atoms_done }) => sum + num_atoms_done, 0);
  if (withJob.length === 0) {
    return;
  }
  await until(async () => (await master.listJobs('', all)).total > 0);
  await until(async () => {
    const query = { ...all, order: 'name', text: '' } as const;
    const { atoms } = await master.listJobAtoms(toId.job(1), query, staying.signal);
    const counted = atoms.reduce((sum, atom) => sum + atom.runs, 0);
    expect(counted, where).to.be.at.most(runs);
    return counted === runs;
  });
  // A build of which no atom has run adds no runs, and may be recorded after those that do.
  await until(async () => {
    const { builds: recorded } = await master.listJobBuilds(toId.job(1), all);
    const ids = recorded.map(({ build_id }) => build_id);
    expect(new Set(ids).size, where).to.equal(ids.length);
    return withJob.every(({ id }) => ids.includes(id));
  });
}

async function expectRightEnds(
  harness: MasterHarness,
  { first, canceled }: Known,
  where: string,
): Promise<void> {
  const { master } = harness;
  const { builds } = await master.listBuilds({ offset: 0, limit: 100 });
  for (const { id, state, result, num_atoms, num_atoms_done, num_atoms_failed } of builds) {
    if (state === 'CANCELED' && id === canceled) {
      continue;
    }
    expect(result, `${where}: build ${id}`).to.equal(id === first ? 'FAILURE' : 'SUCCESS');
    expect(num_atoms_done, `${where}: build ${id}`).to.equal(num_atoms);
    expect(num_atoms_failed, `${where}: build ${id}`).to.equal(id === first ? 1 : 0);
    expect(await master.archiveContents(id)).to.not.equal(null);
  }
  await master.close();
  const db = new Sqlite(join(harness.directory, 'master.db'), { readOnly: true });
  try {
    expect(
      db
        .prepare('PRAGMA integrity_check')
        .all()
        .map((row) => ({ ...Object(row) })),
    ).to.deep.equal([{ integrity_check: 'ok' }]);
    expect(db.prepare('PRAGMA foreign_key_check').all()).to.deep.equal([]);
  } finally {
    db.close();
  }
}
