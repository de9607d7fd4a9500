import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Atom } from '../../../src/protocol/build/work.js';
import { toId } from '../../../src/protocol/ids.js';
import type { SimulatedBuild } from '../../support/simulation/simulated-atom.js';
import { SimulatedCluster } from '../../support/simulation/simulated-cluster.js';

const config = { commands: ['true'], atomizers: [{ NAME: 'list' }], retries: 1 };
const build: SimulatedBuild = {
  request: { type: 'directory', project_directory: '/project', job_name: 'Steps', config },
  jobName: 'Steps',
  atoms: ['one', 'two', 'three'].map((value) => ({ variable: 'NAME', value })),
  preparationSeconds: 5,
  setupSeconds: 20,
  runAtom: ({ value }, run) => ({
    seconds: 30,
    exitCode: value === 'two' && run === 0 ? 1 : 0,
    output: `run ${run} of ${value}\n`.repeat(10),
    files: { 'folder/file.txt': value },
  }),
};

describe('a simulated cluster', () => {
  let directory: string;
  let cluster: SimulatedCluster;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'simulation-'));
    cluster = await SimulatedCluster.start({
      baseDirectory: directory,
      secret: 'a secret of the tests',
      startsAt: Date.UTC(2026, 2, 1),
      slaves: [{ name: 'first', executors: 2 }],
    });
  });
  afterEach(async () => {
    await cluster.close();
    rmSync(directory, { recursive: true });
  });

  const atomsOf = (id: number): Promise<{ atoms: Atom[] }> =>
    cluster.client.listAtoms(toId.build(id), { limit: 10 });

  it('takes the time of the preparation, the setup, and all runs of the atoms', async () => {
    const id = await cluster.create(build);
    await cluster.runToEnd(id);
    const { state, state_timestamps, num_atoms_flaky, num_atoms_failed } = await cluster.client.getBuild(id);
    expect({ state, num_atoms_flaky, num_atoms_failed }).to.deep.equal({
      state: 'FINISHED',
      num_atoms_flaky: 1,
      num_atoms_failed: 0,
    });
    const { QUEUED, BUILDING, FINISHED } = state_timestamps;
    expect(Number(BUILDING) - Number(QUEUED)).to.equal(5);
    // Four runs on two executors.
    expect(Number(FINISHED) - Number(BUILDING)).to.equal(20 + 2 * 30);
  });

  it('stops at a time at which atoms run and have printed a part of their output', async () => {
    const id = await cluster.create(build);
    cluster.reportsEverything = true;
    await cluster.runFor(5 + 20 + 15);
    const { atoms } = await atomsOf(id);
    expect(atoms.map(({ state }) => state)).to.have.members(['IN_PROGRESS', 'IN_PROGRESS', 'NOT_STARTED']);
    const running = atoms.find(({ state }) => state === 'IN_PROGRESS');
    const page = await cluster.client.getConsole(id, toId.atom(running?.id ?? -1), {});
    expect(page.total_num_lines).to.be.within(4, 5);
  });

  it('delivers archives that the master accepts and reads', async () => {
    const id = await cluster.create(build);
    await cluster.runToEnd(id);
    const page = await cluster.client.getConsole(id, toId.atom(0), { offset_line: 9, max_lines: 1 });
    expect(page.content).to.equal('run 0 of one\n');
  });

  it('keeps its slaves over days without work', async () => {
    await cluster.skip(5 * 24 * 3600);
    const id = await cluster.create(build);
    await cluster.runToEnd(id);
    const { slaves } = await cluster.client.listSlaves({});
    expect(slaves.map(({ name, is_alive }) => ({ name, is_alive }))).to.deep.equal([
      { name: 'first', is_alive: true },
    ]);
  });
});
