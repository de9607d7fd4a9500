import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { toId } from '../../../src/protocol/ids.js';
import type { ResultIndex } from '../../../src/protocol/results/result-index.js';
import type { LeaseRef, RunAssignment } from '../../../src/protocol/slave/slave-messages.js';
import { directoryBuild, MasterHarness, refused, type TestSlave } from '../../support/master-harness.js';

describe('a slave that lies', () => {
  let harness: MasterHarness;
  let honest: TestSlave;
  let liar: TestSlave;
  /** Held by the honest one. */
  let held: RunAssignment;
  /** Held by the liar, of the same build. */
  let own: RunAssignment;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
    await harness.master.createBuild(directoryBuild);
    honest = await harness.slave();
    await honest.prepare(3);
    held = await honest.take();
    liar = await harness.slave();
    own = await liar.take();
  });
  afterEach(() => harness.close());

  const build = () => harness.master.getBuild(held.build_id);
  const resultsFolder = () => join(harness.directory, 'results', String(held.build_id));
  const kept = () => (existsSync(resultsFolder()) ? readdirSync(resultsFolder()) : []);

  it('about a subjob that it does not hold is refused: it has to name the lease and the attempt', async () => {
    const { lease_id, attempt } = held.lease;
    const guesses: LeaseRef[] = [
      own.lease,
      { lease_id: toId.lease(lease_id + 1000), attempt },
      { lease_id: toId.lease(lease_id - 100), attempt },
      { lease_id: toId.lease(1), attempt },
      { lease_id, attempt: toId.attempt(attempt + 1) },
    ];
    for (const lease of guesses) {
      const lie = { ...held, lease };
      await refused(liar.deliver(lie, { failing: [0, 1, 2] }), 'STALE_LEASE');
      const { id } = liar;
      const returnLease = { lease, reason: 'setup_failed', output: 'a lie' } as const;
      await refused(
        harness.master.returnLease(id, held.build_id, held.subjob_id, returnLease),
        'STALE_LEASE',
      );
      const progress = { lease, atoms: [], consoles: [] };
      await refused(
        harness.master.reportProgress(id, held.build_id, held.subjob_id, progress),
        'STALE_LEASE',
      );
      const failed = harness.master.reportPreparationFailed(id, held.build_id, lease, 'a lie');
      await refused(failed, 'STALE_LEASE');
    }
    expect(await build()).to.include({ status: 'BUILDING', num_atoms_done: 0, num_atoms_failed: 0 });
    expect(kept()).to.deep.equal([]);
    await honest.deliver(held);
    expect(await build()).to.include({ num_atoms_done: 1, num_atoms_failed: 0 });
  });

  it('about an attempt that is over is refused', async () => {
    await harness.loseOthers(liar);
    const again = await harness.slave();
    const taken = await again.take();
    expect(taken).to.include({ subjob_id: held.subjob_id });
    await refused(liar.deliver(held, { failing: [0, 1, 2] }), 'STALE_LEASE');
    await again.deliver(taken);
    expect(await build()).to.include({ num_atoms_failed: 0 });
  });

  it('about atoms of other subjobs is refused, and so are their consoles', async () => {
    const others = { ...own, atoms: held.atoms };
    await refused(liar.deliver(others, { failing: held.atoms.map(({ id }) => id) }), 'INVALID_REQUEST');
    await refused(liar.deliver({ ...own, atoms: [...own.atoms, ...held.atoms] }), 'INVALID_REQUEST');
    const [atom] = held.atoms;
    const consoles = [{ atom_id: atom?.id ?? toId.atom(0), offset: 0, content: 'bGll' }];
    const progress = { lease: own.lease, atoms: [], consoles };
    const reported = harness.master.reportProgress(liar.id, own.build_id, own.subjob_id, progress);
    await refused(reported, 'INVALID_REQUEST');
    expect(await build()).to.include({ num_atoms_done: 0, num_atoms_failed: 0 });
  });

  it('about the positions of consoles in its archive spoils only those', async () => {
    const archive = gzipSync(Buffer.from('no tar at all'));
    const [atom] = own.atoms;
    const atom_id = atom?.id ?? toId.atom(0);
    const huge = Number.MAX_SAFE_INTEGER;
    const lies: ResultIndex = {
      members: [1, 2 * 1024 * 1024],
      consoles: [{ atom_id, offset: 5, bytes: huge, lines: huge, marks: [huge, 0, huge] }],
    };
    await liar.deliver(own, { content: archive, index: lies });
    const page = { offsetLine: null, maxLines: 10 };
    await refused(harness.master.readConsole(own.build_id, atom_id, page), 'RESULT_UNREADABLE');
    await honest.deliver(held, { content: archive });
    expect(await build()).to.include({ num_atoms_done: 2 });
  });
});
