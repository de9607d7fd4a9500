import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { insertBuild, updateBuild } from '../../../src/master/store/builds.js';
import { sql, tableOf } from '../../../src/master/store/engine/sql.js';
import { openStore, type Store } from '../../../src/master/store/engine/store.js';
import { change } from '../../../src/master/store/engine/write.js';
import { type AtomCriteria, searchAtoms, searchBuilds } from '../../../src/master/store/searches.js';
import { compareFound } from '../../../src/master/views/atom-order.js';
import {
  atomOrder,
  type SoughtAtomState,
  soughtAtomState,
} from '../../../src/protocol/build/search-parameters.js';
import { type BuildId, toId } from '../../../src/protocol/ids.js';

/** The states of a row of an atom, with the words that find it. */
const shapes = {
  'not started': { row: ['NOT_STARTED', null, null, 0, null], words: ['not_started'] },
  running: { row: ['IN_PROGRESS', null, null, 0, null], words: ['in_progress'] },
  passed: { row: ['COMPLETED', 0, 0, 0, null], words: ['passed'] },
  'reported as passed': { row: ['COMPLETED', 0, null, 0, null], words: ['passed'] },
  flaky: { row: ['COMPLETED', 0, 0, 1, null], words: ['passed', 'flaky'] },
  failed: { row: ['COMPLETED', 3, 1, 1, null], words: ['failed'] },
  'reported as failed': { row: ['COMPLETED', 3, null, 0, null], words: ['failed'] },
  'to run again': { row: ['COMPLETED', 3, null, 1, 0], words: ['in_progress'] },
  lost: { row: ['COMPLETED', null, 1, 0, null], words: ['lost'] },
  interrupted: { row: ['INTERRUPTED', null, null, 0, null], words: ['interrupted'] },
} satisfies Record<string, { row: readonly (string | number | null)[]; words: readonly SoughtAtomState[] }>;
type Shape = keyof typeof shapes;
const names = ['cart', 'Cart.test', 'a%b', 'a_b', 'a!b', 'CAFÉ', "it's", ''];
const atom = fc.record({
  shape: fc.constantFrom(...(Object.keys(shapes) as Shape[])),
  value: fc.constantFrom(...names),
  seconds: fc.option(fc.nat({ max: 4 })),
  began: fc.option(fc.nat({ max: 4 })),
  started: fc.option(fc.nat({ max: 4 })),
  /** 1 and 2 are leases of the slave `one`, 3 of the slave `two`. */
  lease: fc.option(fc.integer({ min: 1, max: 3 })),
});
/** Null in half of the cases, so that many searches find something. */
const seldom = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 1 });
const criteria = fc.record({
  states: fc.option(fc.uniqueArray(fc.constantFrom(...soughtAtomState), { minLength: 1 })),
  text: seldom(fc.constantFrom(...names, 'CART', 't=', 'é', '%', '_', '!')).map((text) => text ?? ''),
  slave: seldom(fc.constantFrom('one', 'two', 'three')),
  group: fc.constant(null),
  least: seldom(fc.nat({ max: 4 })),
  most: seldom(fc.nat({ max: 4 })),
});
type Atom = typeof atom extends fc.Arbitrary<infer T> ? T : never;

const lower = (value: string) => value.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

function isSought(one: Atom, { states, text, slave, least, most }: AtomCriteria): boolean {
  const words: readonly string[] = shapes[one.shape].words;
  const slaveOf = one.lease === null ? null : one.lease === 3 ? 'two' : 'one';
  return (
    (states === null || states.some((word) => words.includes(word))) &&
    lower(`T=${one.value}`).includes(lower(text)) &&
    (slave === null || slave === slaveOf) &&
    (least === null || (one.seconds !== null && one.seconds >= least)) &&
    (most === null || (one.seconds !== null && one.seconds <= most))
  );
}

const rank = { failed: 0, lost: 0, interrupted: 1, in_progress: 2, flaky: 3, not_started: 4, passed: 5 };

describe('a search in the store', () => {
  let directory: string;
  let store: Store;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'clusterrunner-store-'));
    store = await openStore(join(directory, 'master.db'));
  });
  afterEach(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const newBuild = async (request = {}): Promise<BuildId> => {
    const [id] = await store.write([insertBuild({ type: 'git', ...request }, { QUEUED: 1 })]);
    return id;
  };

  async function storeAtoms(build: BuildId, atoms: readonly Atom[]): Promise<void> {
    const columns = {
      id: 'integer',
      value: 'text',
      state: 'text',
      exit_code: 'integer',
      failed: 'integer',
      retries: 'integer',
      kept: 'integer',
      seconds: 'real',
      began: 'integer',
      started: 'integer',
      lease: 'integer',
    } as const;
    const rows = atoms.map(({ shape, value, seconds, began, started, lease }, id) => [
      id,
      value,
      ...shapes[shape].row,
      seconds,
      began,
      started,
      lease,
    ]);
    await store.write([
      change(sql`
        INSERT INTO atoms (build_id, atom_id, subjob_id, variable, value, state, exit_code, failed, num_retries,
          kept_subjob_id, actual_time, began_at, started_at, lease_id)
        SELECT ${build}, id, 0, 'T', value, state, exit_code, failed, retries, kept, seconds, began, started, lease
        FROM ${tableOf(columns, rows)} AS news`),
    ]);
  }

  it('finds the atoms of a range that match, with the value by which they are sorted', async () => {
    const build = await newBuild();
    await store.write([
      change(sql`
        INSERT INTO slaves (id, instance, name, num_executors, version, state, changed_at) VALUES
          (1, 'i', 'one', 1, '1', 'GONE', 1), (2, 'j', 'two', 1, '1', 'GONE', 1)`),
      change(sql`
        INSERT INTO leases (id, build_id, subjob_id, attempt, slave_id, state, taken_at) VALUES
          (1, ${build}, 0, 1, 1, 'LOST', 1), (2, ${build}, 0, 2, 1, 'LOST', 1), (3, ${build}, 0, 3, 2, 'LOST', 1)`),
    ]);
    const range = fc.tuple(fc.nat({ max: 3 }), fc.integer({ min: 8, max: 12 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(atom, { minLength: 6, maxLength: 12 }),
        criteria,
        fc.constantFrom(...atomOrder),
        range,
        fc.integer({ min: 1, max: 12 }),
        async (atoms, sought, order, [from, to], most) => {
          await store.write([change(sql`DELETE FROM atoms`)]);
          await storeAtoms(build, atoms);
          const found = await searchAtoms(store.db, build, sought, order, { from, to, most });
          const keyOf = ({ shape, value, seconds, began, started }: Atom) => {
            const words = shapes[shape].words;
            const [word = 'passed'] = words.slice(-1);
            const by = {
              name: `T=${value}`,
              duration: seconds,
              started: started ?? began,
              failed_first: rank[word],
            };
            const name = order.replace('-', '');
            return Object.hasOwn(by, name) ? by[name as keyof typeof by] : null;
          };
          const expected = atoms.flatMap((one, id) =>
            id >= from && id < to && isSought(one, sought) ? [{ id, key: keyOf(one) }] : [],
          );
          const first = expected.toSorted(compareFound(order)).slice(0, most);
          expect(found).to.deep.equal(first.map((one) => ({ ...one, total: expected.length })));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('looks at no atoms of other builds', async () => {
    const [one, two] = [await newBuild(), await newBuild()];
    const any = { states: null, text: '', slave: null, least: null, most: null, group: null };
    await storeAtoms(one, [{ shape: 'passed', value: 'a', seconds: 1, began: 1, started: 1, lease: null }]);
    expect(await searchAtoms(store.db, two, any, 'id', { from: 0, to: 10, most: 10 })).to.deep.equal([]);
  });

  it('finds builds by all that people know of them', async () => {
    const job = { name: 'Unit of file', definition: { commands: [':'], atomizers: [] } };
    const revision = { commit: 'abc987', branch: 'topic', subject: 'Empty the cart', has_changes: false };
    await newBuild();
    const build = await newBuild({
      url: 'https://git.example.com/shop.git',
      branch: 'release/1.0',
      hash: 'abcdef',
      job_name: 'Unit of request',
      project_directory: 'services/pay',
      requested_by: 'ada@lab',
      atoms_override: ['not in lists'],
    });
    await store.write([updateBuild(build, { job, revision, commit_hash: '012345' })]);
    const found = async (text: string) =>
      (await searchBuilds(store.db, { status: null, text, ids: null }, { after: 0, limit: 10 })).flatMap(
        ({ id, matches }) => (matches === 1 ? [id] : []),
      );
    for (const text of [
      ...['shop.git', 'RELEASE/1', 'abcd', 'unit of request', 'unit OF file', 'services', 'Ada@', '0123'],
      ...['topic', 'c98', 'the cart'],
    ]) {
      expect(await found(text), text).to.deep.equal([build]);
    }
    for (const text of ['nobody', 'not in lists', '%', 'cart\nada', 'git"']) {
      expect(await found(text), text).to.deep.equal([]);
    }
    expect(await found('')).to.deep.equal([1, build]);
  });

  it('finds builds by their status and their state, from any build on', async () => {
    const states = ['QUEUED', 'BUILDING', 'FINISHED', 'FINISHED', 'CANCELED', 'ERROR'] as const;
    for (const [at, state] of states.entries()) {
      const id = await newBuild();
      await store.write([updateBuild(id, { state, num_atoms_failed: at === 3 ? 1 : 0 })]);
    }
    const found = async (
      status: Parameters<typeof searchBuilds>[1]['status'],
      after = 0,
      ids: Parameters<typeof searchBuilds>[1]['ids'] = null,
    ) =>
      (await searchBuilds(store.db, { status, text: '', ids }, { after, limit: 4 })).flatMap(
        ({ id, matches }) => (matches === 1 ? [id] : []),
      );
    expect(await found('BUILDING')).to.deep.equal([1, 2]);
    expect(await found('QUEUED')).to.deep.equal([1]);
    expect(await found('SUCCESS')).to.deep.equal([3]);
    expect(await found('FINISHED')).to.deep.equal([3, 4]);
    expect(await found('FAILURE', 2)).to.deep.equal([4, 5, 6]);
    expect(await found('CANCELED', 2)).to.deep.equal([5]);
    expect(await found(null, toId.build(4))).to.deep.equal([5, 6]);
    const some = [1, 4, 6].map(toId.build);
    expect(await found(null, 0, some)).to.deep.equal([1, 4, 6]);
    expect(await found('FAILURE', 0, some)).to.deep.equal([4, 6]);
    expect(await found(null, 0, [])).to.deep.equal([]);
  });
});
