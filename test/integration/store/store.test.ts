import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import fc from 'fast-check';
import { noEstimate } from '../../../src/domain/scheduling/duration-estimate.js';
import { failedAtoms } from '../../../src/master/store/atom-views.js';
import {
  countVerdicts,
  failAtoms,
  insertAtoms,
  recordInterrupted,
  recordProgress,
  recordVerdicts,
  retryAtoms,
  storeVerdictCounts,
} from '../../../src/master/store/atoms.js';
import { findBuild, insertBuild, updateBuild } from '../../../src/master/store/builds.js';
import { integer, text } from '../../../src/master/store/engine/columns.js';
import { type Sql, sql } from '../../../src/master/store/engine/sql.js';
import { availableLibraries } from '../../../src/master/store/engine/sqlite.js';
import { openStore, type Store } from '../../../src/master/store/engine/store.js';
import { change, changeExactly } from '../../../src/master/store/engine/write.js';
import {
  appendEvent,
  eventsSince,
  hasMoreEvents,
  MAX_EVENT_BYTES,
  trimEvents,
} from '../../../src/master/store/events.js';
import { readFacts, sumFacts } from '../../../src/master/store/facts-column.js';
import { endLease, insertLease, lastLeaseId } from '../../../src/master/store/leases.js';
import { allNonces, forgetNonces, insertNonces } from '../../../src/master/store/nonces.js';
import { storeRegrouped } from '../../../src/master/store/regrouping.js';
import { endSubjobLease, findSubjob, insertSubjobs, leaseSubjob } from '../../../src/master/store/subjobs.js';
import { learnTimings, readTimings } from '../../../src/master/store/timings.js';
import { type BuildId, toId } from '../../../src/protocol/ids.js';
import { addFacts, noFacts } from '../../../src/protocol/results/result-facts.js';
import { directoryBuild } from '../../support/master-harness.js';

const subjob = toId.subjob(0);
/** A statement that changes no row although it should. */
const fails = changeExactly(1, 'on purpose', sql`DELETE FROM builds WHERE id = -1`);
/** A program that opens the store at $STORE. */
const opensStore = `
  import { openStore } from '${new URL('../../../src/master/store/engine/store.js', import.meta.url)}';
  const store = await openStore(process.env.STORE, { library: process.env.LIBRARY });
  await store.close();
  console.log('opened');
`;
const ref = { lease_id: toId.lease(1), attempt: toId.attempt(1) };

async function failure(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'nothing failed',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

for (const library of availableLibraries()) {
  describe(`the store on ${library}`, () => {
    let directory: string;
    let path: string;
    let store: Store;
    beforeEach(async () => {
      directory = mkdtempSync(join(tmpdir(), 'clusterrunner-store-'));
      path = join(directory, 'deep', 'master.db');
      store = await openStore(path, { library });
    });
    afterEach(async () => {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    });

    const newBuild = async (): Promise<BuildId> => {
      const [id] = await store.write([insertBuild(directoryBuild, { QUEUED: 1 })]);
      return id;
    };

    it('has its data after a restart', async () => {
      const id = await newBuild();
      await store.close();
      store = await openStore(path, { library });
      expect(await findBuild(store.db, id)).to.include({ id, state: 'QUEUED', num_atoms: null });
    });

    it('never gives an id twice, even after a row was deleted', async () => {
      const id = await newBuild();
      await store.write([change(sql`DELETE FROM builds`)]);
      await store.close();
      store = await openStore(path, { library });
      expect(await newBuild()).to.equal(id + 1);
    });

    it('is readable by its owner only, also when others could read it before', async () => {
      await store.close();
      chmodSync(path, 0o644);
      store = await openStore(path, { library });
      for (const file of [path, `${path}-wal`]) {
        expect(statSync(file).mode & 0o777, file).to.equal(0o600);
      }
    });

    it('says that another master has it open', async () => {
      expect(await failure(openStore(path, { library }))).to.contain('Another master uses');
    });

    it('can be opened by another process as soon as it is closed', async () => {
      await newBuild();
      await store.close();
      const { stdout } = await execa(process.execPath, ['--input-type=module', '--eval', opensStore], {
        env: { STORE: path, LIBRARY: library },
      });
      store = await openStore(join(directory, 'another.db'), { library });
      expect(stdout).to.equal('opened');
    });

    it('names a file that is no database', async () => {
      const wrong = join(directory, 'wrong.db');
      writeFileSync(wrong, 'this is a text of more than a hundred bytes, '.repeat(10));
      expect(await failure(openStore(wrong))).to.contain('not a database');
    });

    it('names a damaged file, and a remedy', async () => {
      for (let n = 0; n < 200; n += 1) {
        await newBuild();
      }
      await store.close();
      // Opening a file releases those that this process has closed, as its end would.
      store = await openStore(join(directory, 'next.db'), { library });
      await store.close();
      truncateSync(path, 8192);
      const sentence = await failure(openStore(path, { library }));
      store = await openStore(join(directory, 'another.db'));
      expect(sentence).to.contain(`${path} is damaged`).and.to.contain('put a copy in its place');
    });

    it('names a file that a newer version has written', async () => {
      await store.write([change(sql`INSERT INTO kysely_migration VALUES ('9999_future', '2099-01-01')`)]);
      await store.close();
      const sentence = await failure(openStore(path, { library }));
      store = await openStore(join(directory, 'another.db'));
      expect(sentence).to.contain(`${path} was written by a newer version`).and.to.contain('9999_future');
    });

    it('names a file that cannot be opened', async () => {
      const folder = join(directory, 'folder.db');
      mkdirSync(folder);
      expect(await failure(openStore(folder))).to.contain(`${folder} cannot be read and written`);
    });

    it('undoes a write that throws, and not its neighbors', async () => {
      const calls = [newBuild(), store.write([insertBuild(directoryBuild, {}), fails]), newBuild()] as const;
      expect(await failure(calls[1])).to.contain('on purpose');
      await Promise.all([calls[0], calls[2]]);
      const rows = await store.db.all(sql`SELECT id FROM builds`, { id: integer });
      expect(rows).to.have.length(2);
    });

    it('keeps order and outcome of each write, whichever of them throw', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 30 }), async (throwing) => {
          await store.write([change(sql`DELETE FROM nonces`)]);
          const outcomes = await Promise.allSettled(
            throwing.map((throws, n) =>
              store.write([
                {
                  ...insertNonces({ expires: n, nonces: [String(n)] }),
                  result() {
                    if (throws) {
                      throw new Error('on purpose');
                    }
                    return n;
                  },
                },
              ]),
            ),
          );
          const kept = throwing.flatMap((throws, n) => (throws ? [] : [n]));
          expect(outcomes.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))).to.deep.equal(
            kept,
          );
          const rows = await allNonces(store.db);
          expect(rows.map(({ expires }) => expires)).to.deep.equal(kept);
        }),
        { numRuns: 30 },
      );
    });

    it('writes in the order of requests, also when there are more than one transaction holds', async () => {
      const order: number[] = [];
      await Promise.all(
        Array.from({ length: 1200 }, (_, n) =>
          store.write(() => {
            order.push(n);
            return [];
          }),
        ),
      );
      expect(order).to.deep.equal([...order].sort((a, b) => a - b));
    });

    it('commits pending writes before it is closed, and accepts none afterwards', async () => {
      const written = newBuild();
      await store.close();
      await written;
      expect(await failure(newBuild())).to.contain('stopping');
      store = await openStore(path, { library });
      expect(await findBuild(store.db, await written)).not.to.equal(undefined);
    });

    it('refuses to change a row whose state is not the expected one', async () => {
      const id = await newBuild();
      const missing = toId.build(77);
      expect(await failure(store.write([updateBuild(missing, { state: 'ERROR' })]))).to.contain('Build 77');
      await store.write([insertSubjobs(id, [{ id: 0, atoms: 1, ...noEstimate }])]);
      await store.write([leaseSubjob(id, subjob, ref)]);
      const again = store.write([leaseSubjob(id, subjob, ref)]);
      expect(await failure(again)).to.contain('0 rows changed');
      const next = { state: 'DONE', taken: 1, lease: 1, losses: [], error: null } as const;
      const wrong = store.write([endSubjobLease(id, subjob, ref, { ...next, taken: 2 })]);
      expect(await failure(wrong)).to.contain('0 rows changed');
      await store.write([endSubjobLease(id, subjob, ref, next)]);
      expect(await findSubjob(store.db, id, subjob)).to.include({ state: 'DONE', attempt: 1, lease_id: 1 });
    });

    it('ends a lease once, and remembers the highest number', async () => {
      const id = await newBuild();
      const lease = {
        id: 41,
        build_id: id,
        subjob_id: null,
        attempt: 1,
        slave_id: 1,
        executor_index: null,
        token: '',
        taken_at: 0,
      };
      await store.write([insertLease(lease)]);
      await store.write([endLease(toId.lease(41), 'LOST', 5)]);
      expect(await failure(store.write([endLease(toId.lease(41), 'LOST', 5)]))).to.contain('lease 41');
      expect(await lastLeaseId(store.db)).to.equal(41);
    });

    it('keeps texts of atoms byte for byte, and learns how long passed atoms took', async () => {
      const id = await newBuild();
      const values = ["it's", '$(rm -rf /)', '`x`', '"; DROP TABLE atoms; --', '-n', 'ünï 中文 😀', '', '*'];
      const atoms = values.map((value, n) => ({ id: n, subjob: 0, variable: 'T', value, ...noEstimate }));
      await store.write([insertSubjobs(id, [{ id: 0, atoms: atoms.length, ...noEstimate }])]);
      await store.write([insertAtoms(id, atoms)]);
      const verdicts = atoms.map((atom) => ({
        id: toId.atom(atom.id),
        exit_code: atom.id === 1 ? 137 : 0,
        actual_time: atom.id + 0.5,
      }));
      await store.write([recordVerdicts(id, subjob, toId.lease(1), verdicts)]);
      const of = { build: id, subjob, project: 'p', job: 'j' };
      await store.write([learnTimings(of, 1000)]);
      expect(await readTimings(store.db, 'p', 'j', atoms)).to.deep.equal(
        values.map((_, n) => (n === 1 ? null : { seconds: n + 0.5, variance: 0, count: 1 })),
      );
      expect(await readTimings(store.db, 'p', 'other', atoms)).to.deep.equal(values.map(() => null));
      expect(await countVerdicts(store.db, id)).to.deep.equal({
        done: values.length,
        failed: 1,
        lost: 0,
        flaky: 0,
        cached: 0,
        retries: 0,
        timed: values.length,
        seconds: values.length ** 2 / 2,
      });
      const [failed, ...others] = await failedAtoms(store.db, id, 10);
      expect(failed).to.include({
        atom_id: 1,
        subjob_id: 0,
        variable: 'T',
        value: '$(rm -rf /)',
        error: null,
      });
      expect(others).to.deep.equal([]);
      const surplus = [{ id: toId.atom(99), exit_code: 0, actual_time: 1 }];
      expect(await failure(store.write([recordVerdicts(id, subjob, toId.lease(1), surplus)]))).to.contain(
        'Recording the verdicts of subjob 0',
      );
    });

    const planOf = async (statement: Sql) => {
      const rows = await store.db.all(sql`EXPLAIN QUERY PLAN ${statement}`, { detail: text });
      return rows.map(({ detail }) => detail);
    };

    it('finds the atoms of a subjob without scanning the other atoms of its build', async () => {
      const build = toId.build(1);
      for (const statement of [
        sql`SELECT variable FROM atoms WHERE build_id = 1 AND subjob_id = 2 ORDER BY atom_id`,
        failAtoms(build, subjob).sql,
      ]) {
        expect(await planOf(statement)).to.deep.equal([
          'SEARCH atoms USING INDEX atoms_of_subjob (build_id=? AND subjob_id=?)',
        ]);
      }
    });

    it('scans a list that it is given once, whatever a statement does with it', async () => {
      const build = toId.build(1);
      const lease = toId.lease(1);
      const atom = toId.atom(0);
      const regrouped = { groups: [{ id: subjob, atoms: [0], ...noEstimate }], dropped: [] };
      for (const { sql: statement } of [
        ...storeRegrouped(build, regrouped, new Set([subjob])).filter(({ sql: { texts } }) =>
          /UPDATE/.test(texts[0] ?? ''),
        ),
        recordProgress(build, subjob, lease, [], 1),
        recordVerdicts(build, subjob, lease, []),
        recordInterrupted(build, subjob, lease, []),
        retryAtoms(build, [{ id: atom, subjob }]),
      ]) {
        const plan = await planOf(statement);
        expect(plan[0]).to.match(/^SCAN json_each/);
        expect(plan[1]).to.match(/^SEARCH \w+ USING PRIMARY KEY \(build_id=\? AND \w+=\?\)$/);
      }
    });

    it('sums the facts of final verdicts as addFacts does', async () => {
      const count = fc.nat({ max: 1000 });
      const facts = fc.record({
        tests: fc.option(fc.record({ tests: count, failures: count, errors: count, skipped: count })),
        num_bad_reports: count,
        num_left_out: count,
      });
      await fc.assert(
        fc.asyncProperty(fc.array(fc.option(facts, { nil: undefined }), { maxLength: 5 }), async (given) => {
          const id = await newBuild();
          const atoms = given.map((_, n) => ({
            id: n,
            subjob: 0,
            variable: 'T',
            value: `${n}`,
            ...noEstimate,
          }));
          const verdicts = given.map((one, n) => ({
            id: toId.atom(n),
            exit_code: 0,
            actual_time: 1,
            ...(one === undefined ? {} : { facts: one }),
          }));
          await store.write([
            insertSubjobs(id, [{ id: 0, atoms: atoms.length, ...noEstimate }]),
            insertAtoms(id, [
              ...atoms,
              { id: 9, subjob: 0, variable: 'T', value: 'unfinished', ...noEstimate },
            ]),
            recordVerdicts(id, subjob, toId.lease(1), verdicts),
            storeVerdictCounts(id),
          ]);
          const sum = given.flatMap((one) => one ?? []).reduce(addFacts, noFacts);
          expect(await sumFacts(store.db, id)).to.deep.equal(sum);
          const row = await findBuild(store.db, id);
          expect(readFacts(row?.facts ?? null)).to.deep.equal(sum);
          expect(row?.num_atoms_done).to.equal(given.length);
        }),
        { numRuns: 30 },
      );
    });

    it('keeps the newest events', async () => {
      await store.write(
        Array.from({ length: 10 }, (_, at) => appendEvent('BUILD_CREATED', { build_id: at + 1 }, at + 1)),
      );
      for (const isMore of [true, true, false]) {
        expect(await hasMoreEvents(store.db, 3)).to.equal(isMore);
        await store.write([trimEvents(3, 5)]);
      }
      const events = await eventsSince(store.db, { id: 0, time: 0, limit: 100 });
      expect(events.map(({ id }) => id)).to.deep.equal([8, 9, 10]);
    });

    it('pages events by at most its bytes, and at least one event', async () => {
      const reason = 'é'.repeat(MAX_EVENT_BYTES / 5);
      const huge = 'x'.repeat(2 * MAX_EVENT_BYTES);
      await store.write(
        ['small', reason, reason, reason, huge, 'small', 'small'].map((text) =>
          appendEvent('BUILD_STOPPING', { build_id: 1, reason: text }, 1),
        ),
      );
      const pages: number[] = [];
      for (let id = 0; ; ) {
        const events = await eventsSince(store.db, { id, time: 0, limit: 100 });
        const last = events.at(-1);
        if (last === undefined) {
          break;
        }
        id = last.id;
        pages.push(events.length);
      }
      expect(pages).to.deep.equal([4, 1, 2]);
      expect((await eventsSince(store.db, { id: 1, time: 1, limit: 2 })).map(({ id }) => id)).to.deep.equal([
        2, 3,
      ]);
      expect(await eventsSince(store.db, { id: 0, time: 2, limit: 2 })).to.deep.equal([]);
    });

    it('keeps nonces until they expire', async () => {
      await store.write([insertNonces({ expires: 10, nonces: ['old'] })]);
      await store.write([insertNonces({ expires: 20, nonces: ['"new"', 'newer'] })]);
      await store.write([forgetNonces(15)]);
      expect(await allNonces(store.db)).to.deep.equal([{ expires: 20, nonces: ['"new"', 'newer'] }]);
    });
  });
}
