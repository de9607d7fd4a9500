import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { findAtom } from '../../../src/master/store/atom-views.js';
import { recordVerdicts, retryAtoms, storeCacheFacts } from '../../../src/master/store/atoms.js';
import { findBuild } from '../../../src/master/store/builds.js';
import { real } from '../../../src/master/store/engine/columns.js';
import { migrate } from '../../../src/master/store/engine/migrations.js';
import { sql } from '../../../src/master/store/engine/sql.js';
import { Sqlite } from '../../../src/master/store/engine/sqlite.js';
import { openStore } from '../../../src/master/store/engine/store.js';
import { heldLeases } from '../../../src/master/store/leases.js';
import { readRecordedRuns, recordRuns } from '../../../src/master/store/recorded-passes.js';
import { toId } from '../../../src/protocol/ids.js';

const build = toId.build(1);
const subjob = toId.subjob(0);
const lease = toId.lease(1);

describe('a database of an earlier version', () => {
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'clusterrunner-store-'));
    path = join(directory, 'master.db');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  /** A build with one subjob of two atoms, the first of which has begun. */
  function createAt(migration: string): void {
    const old = new Sqlite(path);
    migrate(old, migration);
    old.execute(`
      INSERT INTO builds (id, request, state, timestamps) VALUES (1, '{}', 'BUILDING', '{}');
      INSERT INTO subjobs (build_id, subjob_id, state, num_atoms, lease_id, attempt) VALUES (1, 0, 'LEASED', 2, 1, 1);
      INSERT INTO leases (id, build_id, subjob_id, attempt, slave_id, state, taken_at) VALUES (1, 1, 0, 1, 1, 'HELD', 5);
      INSERT INTO atoms (build_id, atom_id, subjob_id, variable, value, state, began_at, lease_id) VALUES
        (1, 0, 0, 'T', 'a', 'IN_PROGRESS', 7000, 1), (1, 1, 0, 'T', 'b', 'NOT_STARTED', NULL, NULL);`);
    old.close();
  }

  it('without recorded passes shows its atoms as not cached, and records passes', async () => {
    createAt('0018_affected_atoms');
    const store = await openStore(path);
    const atom = await findAtom(store.db, build, toId.atom(0));
    expect(atom).to.include({ cached_build_id: null, not_cached: null, is_kept: 0 });
    expect(await findBuild(store.db, build)).to.include({ num_atoms_cached: 0, surroundings: null });
    const key = 'job.surroundings.inputs';
    const decision = { reason: 'NO_PASS' } as const;
    const verdicts = [0, 1].map((id) => ({ id: toId.atom(id), exit_code: id, actual_time: 1 }));
    const names = [
      { id: 0, name: 'T=a' },
      { id: 1, name: 'T=b' },
    ];
    await store.write([
      storeCacheFacts(build, [
        { id: 0, key, decision },
        { id: 1, key, decision },
      ]),
      recordVerdicts(build, subjob, lease, verdicts),
      recordRuns({ scope: 's', build, subjob }, names, true, 5),
    ]);
    expect(await readRecordedRuns(store.db, ['s', 'other'], ['T=a', 'T=b'])).to.deep.equal([
      [{ key, pass: { build, atom: 0, at: 5 }, failedAt: null }],
      [{ key, pass: null, failedAt: 5 }],
    ]);
    await store.close();
  });

  it('without start times shows when atoms were reported to begin, and takes start times', async () => {
    createAt('0012_stopping_state');
    const store = await openStore(path);
    const startOf = async (id: number) => (await findAtom(store.db, build, toId.atom(id)))?.started_at;
    expect([await startOf(0), await startOf(1)]).to.deep.equal([7000, null]);
    expect((await heldLeases(store.db, build))[0]).to.include({ slave_executor: null, setup_began_at: null });
    const verdict = { exit_code: 1, actual_time: 2.5 };
    await store.write([
      recordVerdicts(build, subjob, lease, [
        { id: toId.atom(0), ...verdict },
        { id: toId.atom(1), ...verdict, startedAt: 9500 },
      ]),
      retryAtoms(build, [{ id: toId.atom(0), subjob }]),
    ]);
    expect([await startOf(0), await startOf(1)]).to.deep.equal([7000, 9500]);
    const lost = await store.db.all(sql`SELECT retried_seconds FROM atoms ORDER BY atom_id`, {
      retried_seconds: real,
    });
    expect(lost).to.deep.equal([{ retried_seconds: 2.5 }, { retried_seconds: 0 }]);
    await store.close();
  });
});
