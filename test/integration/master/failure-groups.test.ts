import { expect } from 'chai';
import { tarHeader, tarPadding } from '../../../src/lib/formats/tar-header.js';
import { type BuildId, toId } from '../../../src/protocol/ids.js';
import type { RunAssignment } from '../../../src/protocol/slave/slave-messages.js';
import { directoryBuild, isRun, MasterHarness, type TestSlave } from '../../support/master-harness.js';
import { blocksOf } from '../../support/subjob-archive.js';

const page = { offset: 0, limit: 10 };
const refused = (n: number) =>
  `connecting\nError: connect ECONNREFUSED 10.0.0.${n}:5432\n    at /srv/${n}/db.js:${n}:1`;

describe('the groups of failures', () => {
  let harness: MasterHarness;
  let build: BuildId;
  let slave: TestSlave;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
    build = await harness.master.createBuild(directoryBuild);
    slave = await harness.slave(100);
  });
  afterEach(() => harness.close());

  const taken = async () => (await slave.ask()).assignments.filter(isRun);
  const list = () => harness.master.listFailureGroups(build, page);
  const shown = async () =>
    (await list()).groups.map(({ num_atoms, sample_lines, atoms }) => ({
      num_atoms,
      last: sample_lines.at(-1) ?? null,
      atoms: atoms.map(({ id }) => id),
    }));

  const atomsOf = async (group: string | undefined) => {
    const any = { states: null, text: '', slave: null, least: null, most: null };
    const range = { from: 0, to: 10_000, most: 10_000 };
    const criteria = { ...any, group: group ?? null };
    return (await harness.master.searchAtoms(build, criteria, 'id', range)).found.map(({ id }) => id);
  };

  /** Each atom fails with the lines of its number; those without lines pass. */
  async function deliverAll(lines: Readonly<Record<number, string>>, assignments?: RunAssignment[]) {
    for (const assignment of assignments ?? (await taken())) {
      await slave.deliver(assignment, { failing: Object.keys(lines).map(Number), lastLines: lines });
    }
  }

  it('have the failed atoms whose outputs end alike, the largest group first', async () => {
    await slave.prepare(6);
    await deliverAll({ 0: 'AssertionError: 1', 1: refused(1), 3: refused(3), 4: '', 5: refused(55) });
    expect(await shown()).to.deep.equal([
      { num_atoms: 3, last: '    at /srv/1/db.js:1:1', atoms: [1, 3, 5] },
      { num_atoms: 1, last: 'AssertionError: 1', atoms: [0] },
      { num_atoms: 1, last: null, atoms: [4] },
    ]);
    const { groups, total, num_without_output } = await list();
    expect({ total, num_without_output }).to.deep.equal({ total: 3, num_without_output: 0 });
    expect(groups[0]?.sample_lines).to.deep.equal(refused(1).split('\n'));
    expect(groups.map(({ key }) => key)).to.satisfy(
      ([first, second, third]: string[]) =>
        /^[0-9a-f]{16}$/.test(`${first}`) && first !== second && third === 'silent',
    );
    const second = await harness.master.listFailureGroups(build, { offset: 1, limit: 1 });
    expect(second).to.deep.include({ total: 3, groups: groups.slice(1, 2) });
    await harness.restart();
    expect((await list()).groups).to.deep.equal(groups);
    expect(await atomsOf(groups[0]?.key)).to.deep.equal([1, 3, 5]);
    expect(await atomsOf('silent')).to.deep.equal([4]);
    expect(await atomsOf('lost')).to.deep.equal([]);
  });

  it('have as many atoms as the list of atoms has for their keys, whatever happens', async () => {
    await slave.prepare(9, { retries: 1 });
    await deliverAll({ 0: 'a', 1: 'b', 2: '', 3: 'a', 4: 'c' });
    await deliverAll({ 0: 'a', 1: 'a', 2: 'b' });
    const { groups } = await list();
    expect(groups.map(({ num_atoms }) => num_atoms)).to.deep.equal([2, 1]);
    for (const { key, num_atoms, atoms } of groups) {
      expect(await atomsOf(key))
        .to.have.length(num_atoms)
        .and.deep.equal(atoms.map(({ id }) => id));
    }
  });

  it('grow while the build runs, as failures are reported', async () => {
    await slave.prepare(2);
    const assignments = await taken();
    expect(await list()).to.deep.equal({ groups: [], total: 0, num_without_output: 0 });
    for (const { subjob_id, lease, atoms } of assignments.slice(0, 1)) {
      const failed = { state: 'COMPLETED', exit_code: 1, actual_time: 1, last_lines: refused(1) } as const;
      await harness.master.reportProgress(slave.id, build, subjob_id, {
        lease,
        atoms: atoms.map(({ id }) => ({ id, ...failed })),
        consoles: [],
      });
    }
    expect(await shown()).to.have.nested.property('[0].num_atoms', 1);
    await deliverAll({ 0: refused(2), 1: refused(3) }, assignments);
    expect(await shown()).to.have.nested.property('[0].num_atoms', 2);
  });

  it('have an atom that runs again by its last failure, and none that waits to run again or then passes', async () => {
    await slave.prepare(3, { retries: 1 });
    await deliverAll({ 0: 'first', 1: 'first', 2: 'first' });
    expect(await shown()).to.deep.equal([]);
    await deliverAll({ 0: 'second', 1: 'first' });
    expect(await shown()).to.have.deep.members([
      { num_atoms: 1, last: 'second', atoms: [0] },
      { num_atoms: 1, last: 'first', atoms: [1] },
    ]);
  });

  it('have the failure of an atom that waited to run again when the build ended', async () => {
    await slave.prepare(1, { retries: 1 });
    await deliverAll({ 0: 'first' });
    await harness.master.cancelBuild(build);
    expect(await shown()).to.deep.equal([{ num_atoms: 1, last: 'first', atoms: [0] }]);
  });

  it('have lost atoms together', async () => {
    await slave.prepare(2, { max_executors: 1 });
    for (let loss = 0; loss < 3; loss += 1) {
      const doomed = await harness.slave();
      await doomed.take();
      await harness.loseOthers();
    }
    const { groups } = await list();
    expect(groups.map(({ key, num_atoms }) => [key, num_atoms])).to.deep.equal([['lost', 1]]);
    expect(groups[0]?.atoms[0]).to.include({ outcome: 'LOST' });
    expect(await atomsOf('lost')).to.deep.equal([groups[0]?.atoms[0]?.id]);
  });

  it('have the failures of older slaves by their consoles: of the archive, or unknown where that is damaged', async () => {
    await slave.prepare(3);
    for (const assignment of await taken()) {
      const [id = -1] = assignment.atoms.map((atom) => atom.id);
      const console = Buffer.from(`${refused(id)}\n`);
      const header = tarHeader({
        path: 'c',
        type: 'File',
        size: console.length,
        mode: 0o644,
        mtime: new Date(0),
      });
      const { content, index } = await blocksOf(Buffer.concat([header, console, tarPadding(console.length)]));
      const place = {
        atom_id: toId.atom(id),
        offset: 512,
        bytes: console.length,
        lines: 3,
        marks: [],
      };
      await slave.deliver(assignment, {
        failing: [0, 1, 2],
        content: id === 2 ? 'damaged' : content,
        index: { ...index, consoles: [place] },
      });
    }
    const { groups, num_without_output } = await list();
    expect(groups.map(({ num_atoms, key }) => [num_atoms, key === 'unknown'])).to.deep.equal([
      [2, false],
      [1, true],
    ]);
    expect(groups[0]?.sample_lines).to.deep.equal(refused(0).split('\n'));
    expect(groups[1]?.atoms.map(({ id }) => id)).to.deep.equal([2]);
    expect(num_without_output).to.equal(1);
    expect(await atomsOf('unknown')).to.deep.equal([2]);
  });

  it('are read some at a time where older slaves sent nothing, and all in the end', async () => {
    await slave.prepare(120);
    for (let all = await taken(); all.length > 0; all = await taken()) {
      for (const assignment of all) {
        await slave.deliver(assignment, { failing: assignment.atoms.map(({ id }) => id) });
      }
    }
    const counts = [];
    for (let request = 0; request < 3; request += 1) {
      const { groups, num_without_output } = await list();
      counts.push([groups.find(({ key }) => key === 'silent')?.num_atoms, num_without_output]);
    }
    expect(counts).to.deep.equal([
      [50, 70],
      [100, 20],
      [120, 0],
    ]);
  });

  it('are limited: failures of further groups are together', async () => {
    await slave.prepare(1010);
    const word = (n: number) => [...String(n)].map((digit) => 'abcdefghij'[Number(digit)]).join('');
    const lines = Object.fromEntries(Array.from({ length: 1010 }, (_, n) => [n, `Error ${word(n)}`]));
    for (let all = await taken(); all.length > 0; all = await taken()) {
      await deliverAll(lines, all);
    }
    const { groups, total } = await list();
    expect(total).to.equal(1001);
    expect(groups[0]).to.deep.include({ key: 'other', num_atoms: 10, sample_lines: [] });
    expect(groups[0]?.atoms).to.have.length(5);
  });

  it('of a build that does not exist are refused', async () => {
    const missing = await harness.master
      .listFailureGroups(toId.build(build + 1), page)
      .catch((error) => error);
    expect(missing).to.have.property('code', 'NOT_FOUND');
  });
});
