import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { noEstimate } from '../../../src/domain/scheduling/duration-estimate.js';
import { insertAtoms, recordVerdicts } from '../../../src/master/store/atoms.js';
import { insertBuild } from '../../../src/master/store/builds.js';
import { migrate } from '../../../src/master/store/engine/migrations.js';
import { Sqlite } from '../../../src/master/store/engine/sqlite.js';
import { openStore, type Store } from '../../../src/master/store/engine/store.js';
import { insertSubjobs } from '../../../src/master/store/subjobs.js';
import { learnTimings, readTimings } from '../../../src/master/store/timings.js';
import { toId } from '../../../src/protocol/ids.js';
import { directoryBuild } from '../../support/master-harness.js';

const NEWEST_WEIGHT = 0.3;
const atom = { variable: 'T', value: 'one' };

/** Mean and variance by their definition: the weight of each run, and its deviation. */
function byDefinition(runs: readonly number[]): { seconds: number; variance: number } {
  let weights: number[] = [];
  for (let n = 1; n <= runs.length; n += 1) {
    const newest = Math.max(NEWEST_WEIGHT, 1 / n);
    weights = [...weights.map((weight) => weight * (1 - newest)), newest];
  }
  const weighted = (values: readonly number[]) =>
    values.reduce((sum, value, n) => sum + value * (weights[n] ?? 0), 0);
  const seconds = weighted(runs);
  return { seconds, variance: weighted(runs.map((run) => (run - seconds) ** 2)) };
}

describe("the history of an atom's durations", () => {
  let directory: string;
  let path: string;
  let store: Store;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'clusterrunner-timings-'));
    path = join(directory, 'master.db');
    store = await openStore(path);
  });
  afterEach(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function run(job: string, seconds: number): Promise<void> {
    const [build] = await store.write([insertBuild(directoryBuild, { QUEUED: 1 })]);
    const subjob = toId.subjob(0);
    await store.write([
      insertSubjobs(build, [{ id: 0, atoms: 1, ...noEstimate }]),
      insertAtoms(build, [{ id: 0, subjob: 0, ...atom, ...noEstimate }]),
      recordVerdicts(build, subjob, toId.lease(1), [
        { id: toId.atom(0), exit_code: 0, actual_time: seconds },
      ]),
      learnTimings({ build, subjob, project: 'p', job }, 1000),
    ]);
  }

  it('is the weighted mean of its runs, and their weighted variance', async () => {
    let jobs = 0;
    const seconds = fc.double({ min: 0, max: 1000, noNaN: true });
    await fc.assert(
      fc.asyncProperty(fc.array(seconds, { minLength: 1, maxLength: 8 }), async (runs) => {
        jobs += 1;
        for (const one of runs) {
          await run(String(jobs), one);
        }
        const [history] = await readTimings(store.db, 'p', String(jobs), [atom]);
        const { seconds: mean, variance } = byDefinition(runs);
        expect(history?.count).to.equal(runs.length);
        expect(history?.seconds).to.be.closeTo(mean, 1e-6);
        expect(history?.variance).to.be.closeTo(variance, 1e-3);
      }),
      { numRuns: 20 },
    );
  });

  it('from a database without variance continues, and learns the variance', async () => {
    await store.close();
    rmSync(path);
    const old = new Sqlite(path);
    migrate(old, '0002_draining');
    old.execute(`
      INSERT INTO timings (project, job, atom, seconds, count, updated_at)
      VALUES ('p', 'j', 'T=one', 4, 17, 1000)`);
    old.close();
    store = await openStore(path);
    expect(await readTimings(store.db, 'p', 'j', [atom])).to.deep.equal([
      { seconds: 4, variance: 0, count: 1 },
    ]);
    await run('j', 6);
    expect(await readTimings(store.db, 'p', 'j', [atom])).to.deep.equal([
      { seconds: 5, variance: 1, count: 2 },
    ]);
  });
});
