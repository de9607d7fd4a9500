import { expect } from 'chai';
import type { LeaseRef } from '../../../src/protocol/slave/slave-messages.js';
import { directoryBuild, MasterHarness, refused } from '../../support/master-harness.js';
import { ranIn } from '../../support/ran-in.js';

describe('the holder of a lease', () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  it('is the only one who can report on it: a slave that guesses number and attempt is refused, whatever name it uses', async () => {
    const { master } = harness;
    const build = await master.createBuild(directoryBuild);
    const holder = await harness.slave();
    const other = await harness.slave();
    const preparation = await holder.takePreparation();
    const guesses = ({ lease_id, attempt }: LeaseRef): LeaseRef[] => [
      { lease_id, attempt },
      { lease_id, attempt, token: 'A'.repeat(16) },
      { lease_id, attempt, token: other.instance },
    ];
    for (const lease of guesses(preparation.lease)) {
      for (const { id } of [other, holder]) {
        await refused(master.reportPreparationFailed(id, build, lease, 'ended by another'), 'STALE_LEASE');
      }
    }
    await holder.reportPrepared(preparation, 1);
    const assignment = await holder.take();
    const { subjob_id, atoms } = assignment;
    for (const lease of guesses(assignment.lease)) {
      for (const { id } of [other, holder]) {
        const verdicts = atoms.map((atom) => ({ id: atom.id, exit_code: 1, actual_time: 1 }));
        const report = { lease, atoms: verdicts, ran_in: ranIn, index: { members: [], consoles: [] } };
        await refused(master.acceptResult(id, build, subjob_id, report, harness.archive()), 'STALE_LEASE');
        const handback = { lease, reason: 'could_not_run', output: '' } as const;
        await refused(master.returnLease(id, build, subjob_id, handback), 'STALE_LEASE');
        await refused(
          master.reportProgress(id, build, subjob_id, { lease, atoms: [], consoles: [] }),
          'STALE_LEASE',
        );
      }
    }
    await holder.deliver(assignment);
    expect(await master.getBuild(build)).to.include({ status: 'SUCCESS' });
  });

  it('is known after a restart of the master, and its successor delivers under another number', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const holder = await harness.slave();
    await holder.prepare(1);
    const assignment = await holder.take();
    await harness.restart();
    const successor = await harness.slave();
    await successor.deliver(assignment);
    expect(await harness.master.getBuild(build)).to.include({ status: 'SUCCESS' });
  });
});
