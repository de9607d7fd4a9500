import { expect } from 'chai';
import type { BuildRequest } from '../../../src/protocol/build/build.js';
import type { NotCached } from '../../../src/protocol/build/cached-atom.js';
import type { JobDefinition } from '../../../src/protocol/build/job.js';
import type { BuildId } from '../../../src/protocol/ids.js';
import type { Prepared } from '../../../src/protocol/slave/slave-messages.js';
import { directoryBuild, isRun, MasterHarness, type TestSlave } from '../../support/master-harness.js';
import { until } from '../../support/until.js';

const DAY_MS = 24 * 60 * 60 * 1000;
const page = { offset: 0, limit: 1000 };
const gitBuild: BuildRequest = { type: 'git', url: 'https://example.com/p.git', job_name: 'Simple' };
const job: Partial<JobDefinition> = { inputs: ['$TOKEN'], cache: true };
const digest = (letter: string) => letter.repeat(43);
const here = digest('s');

describe('a job that caches its atoms', () => {
  let harness: MasterHarness;
  let slave: TestSlave;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
    slave = await harness.slave(100);
  });
  afterEach(() => harness.close());

  interface Given {
    readonly request?: Partial<BuildRequest>;
    readonly job?: Partial<JobDefinition>;
    /** A letter or a reason for each atom. */
    readonly inputs?: readonly (string | NotCached)[];
    readonly surroundings?: string;
  }

  /** A build of which only the preparation is done. */
  async function begin(given: Given = {}): Promise<BuildId> {
    const { inputs = ['a', 'b', 'c'], surroundings = here, request = {} } = given;
    const build = await harness.master.createBuild({ ...gitBuild, ...request });
    const atoms = inputs.map((one) => (one.length === 1 ? digest(one) : one)) as NonNullable<
      Prepared['inputs']
    >['atoms'];
    await slave.prepare(inputs.length, { ...job, ...given.job }, { surroundings, atoms });
    return build;
  }

  async function run(given: Given = {}, failing: readonly number[] = [], ran = here): Promise<BuildId> {
    const build = await begin(given);
    await slave.runAll({ failing, surroundings: ran });
    expect((await harness.master.getBuild(build)).state).to.equal('FINISHED');
    return build;
  }

  /** For each atom the build that it was taken from, or why it has to run. */
  async function sourcesOf(build: BuildId): Promise<(number | NotCached | null)[]> {
    const { atoms } = await harness.master.listAtoms(build, null, page);
    return atoms.map(({ cached_from, not_cached }) => cached_from?.build_id ?? not_cached);
  }

  it('ends at once, without a run, when all atoms have passed with the same inputs', async () => {
    const first = await run();
    expect(await sourcesOf(first)).to.deep.equal(['NO_PASS', 'NO_PASS', 'NO_PASS']);
    const second = await begin();
    expect(await harness.master.getBuild(second)).to.include({
      state: 'FINISHED',
      result: 'SUCCESS',
      num_atoms: 3,
      num_atoms_done: 3,
      num_atoms_cached: 3,
      num_atoms_failed: 0,
      num_subjobs: 1,
    });
    expect((await slave.ask()).assignments).to.deep.equal([]);
    const atom = await harness.master.getAtom(second, (await atomIds(second))[1] ?? expect.fail());
    expect(atom).to.deep.include({
      state: 'COMPLETED',
      outcome: 'PASSED',
      exit_code: 0,
      actual_time: null,
      slave: null,
      cached_from: { build_id: first, atom_id: 1, is_kept: true },
      not_cached: null,
    });
    const contents = await harness.master.archiveContents(second);
    expect([contents?.files, contents?.failedFolders]).to.deep.equal([[], []]);
  });

  async function atomIds(build: BuildId) {
    return (await harness.master.listAtoms(build, null, page)).atoms.map(({ id }) => id);
  }

  it('runs only the atoms whose inputs have changed', async () => {
    const first = await run();
    const second = await begin({ inputs: ['a', 'x', 'c'] });
    expect(await sourcesOf(second)).to.deep.equal([first, 'INPUTS', first]);
    const assignment = await slave.take();
    expect(assignment.atoms.map(({ value }) => value)).to.deep.equal(['2']);
    await slave.deliver(assignment, { failing: [1], surroundings: here });
    const ended = await harness.master.getBuild(second);
    expect(ended).to.include({
      result: 'FAILURE',
      num_atoms_done: 3,
      num_atoms_failed: 1,
      num_atoms_cached: 2,
    });
    expect(ended.failed_atoms?.map(({ id }) => id)).to.deep.equal([1]);
  });

  it('runs atoms again that have failed, also after they pass with the same inputs', async () => {
    await run({}, [1]);
    const second = await run();
    expect(await sourcesOf(second)).to.deep.equal([1, 'FAILED', 1]);
    expect(await sourcesOf(await begin())).to.deep.equal([1, 'FAILED', 1]);
  });

  it('runs an atom that passed and then failed with the same inputs', async () => {
    await run();
    await run({ request: { cache: false } }, [2]);
    expect(await sourcesOf(await begin())).to.deep.equal([2, 2, 'FAILED']);
  });

  it('does not take a pass at the second try for one', async () => {
    const first = await begin({ job: { retries: 1 } });
    const other = await harness.slave(100);
    for (const assignment of (await slave.ask()).assignments.filter(isRun)) {
      await slave.deliver(assignment, { failing: [0], surroundings: here });
    }
    await other.runAll({ surroundings: here });
    expect(await harness.master.getBuild(first)).to.include({ result: 'SUCCESS', num_atoms_flaky: 1 });
    expect((await sourcesOf(await begin()))[0]).to.equal('FAILED');
  });

  it('does not record passes of a subjob that a slave was lost with', async () => {
    await begin({ inputs: ['a'] });
    await slave.take();
    const other = await harness.slave(100);
    await harness.loseOthers(other);
    await other.deliver(await other.take(), { surroundings: here });
    slave = other;
    expect(await sourcesOf(await begin({ inputs: ['a'] }))).to.deep.equal(['NO_PASS']);
  });

  it('does not record passes in other surroundings than those of the preparation', async () => {
    await run({}, [], digest('o'));
    expect(await sourcesOf(await begin())).to.deep.equal(['NO_PASS', 'NO_PASS', 'NO_PASS']);
  });

  it('does not record passes of a slave that sends no surroundings, but its failures', async () => {
    await run();
    const second = await begin({ request: { cache: false } });
    await slave.runAll({ failing: [0] });
    expect((await harness.master.getBuild(second)).result).to.equal('FAILURE');
    expect(await sourcesOf(await begin())).to.deep.equal(['FAILED', 1, 1]);
  });

  it('says what has changed since the pass', async () => {
    await run();
    expect(await sourcesOf(await begin({ job: { setup_build: ['make'] } }))).to.deep.equal(
      Array(3).fill('JOB'),
    );
    expect(await sourcesOf(await begin({ surroundings: digest('o') }))).to.deep.equal(
      Array(3).fill('SURROUNDINGS'),
    );
    const build = await begin({ request: { cache: false } });
    expect(await sourcesOf(build)).to.deep.equal(Array(3).fill('NO_CACHE'));
    const { cache } = await harness.master.explain(build);
    expect(cache?.num_atoms_cached).to.equal(0);
    expect(cache?.not_cached).to.deep.equal([
      { reason: 'NO_CACHE', num_atoms: 3, text: 'the build was requested with --no-cache' },
    ]);
  });

  it('runs the atoms that a cut list of inputs leaves out', async () => {
    await run();
    const build = await harness.master.createBuild(gitBuild);
    await slave.prepare(3, job, { surroundings: here, atoms: [digest('a')] });
    expect(await sourcesOf(build)).to.deep.equal([1, 'NO_INPUT', 'NO_INPUT']);
  });

  it('runs atoms whose inputs are not known', async () => {
    const inputs = ['a', 'LINK', 'NO_INPUT'];
    await run({ inputs });
    expect(await sourcesOf(await begin({ inputs }))).to.deep.equal([1, 'LINK', 'NO_INPUT']);
  });

  it('runs all atoms of a folder, and of a build that an older slave prepares', async () => {
    for (let time = 0; time < 2; time += 1) {
      const build = await harness.master.createBuild(directoryBuild);
      await slave.prepare(1, job, { surroundings: here, atoms: ['FOLDER'] });
      await slave.runAll({ surroundings: here });
      expect(await sourcesOf(build)).to.deep.equal(['FOLDER']);
    }
    const build = await harness.master.createBuild(gitBuild);
    await slave.prepare(1, job);
    expect(await sourcesOf(build)).to.deep.equal(['OLD_SLAVE']);
  });

  it('uses passes of no other project, job or proposed change', async () => {
    await run();
    for (const request of [{ url: 'https://example.com/other.git' }, { project_directory: 'sub' }]) {
      expect(await sourcesOf(await begin({ request }))).to.deep.equal(Array(3).fill('NO_PASS'));
    }
    const proposed = { branch: 'refs/pull/1/head' };
    await run({ request: proposed, inputs: ['x', 'b', 'c'] });
    expect(await sourcesOf(await begin({ request: proposed, inputs: ['x', 'b', 'c'] }))).to.have.members([
      (await newestBuild()) - 1,
      1,
      1,
    ]);
    expect((await sourcesOf(await begin({ inputs: ['x', 'b', 'c'] })))[0]).to.equal('INPUTS');
  });

  async function newestBuild(): Promise<number> {
    const { builds } = await harness.master.listBuilds({ offset: 0, limit: 1, order: 'newest' });
    return builds[0]?.id ?? 0;
  }

  it('uses a pass for passes_kept_days, and not when the clock has jumped back', async () => {
    await run();
    await harness.advance(14 * DAY_MS - 60_000);
    slave = await harness.slave(100);
    expect(await sourcesOf(await begin())).to.deep.equal([1, 1, 1]);
    await harness.advance(60_000);
    slave = await harness.slave(100);
    const later = await begin({ inputs: ['a'] });
    expect((await sourcesOf(later))[0]).to.be.oneOf(['TOO_OLD', 'NO_PASS']);
  });

  it('goes on after a restart of the master, in the middle of a build too', async () => {
    await run();
    const second = await begin({ inputs: ['a', 'x', 'c'] });
    await harness.restart();
    expect(await harness.master.getBuild(second)).to.include({
      state: 'BUILDING',
      num_atoms_done: 2,
      num_atoms_cached: 2,
      num_subjobs: 2,
    });
    await slave.ask({ free_executors: 0 });
    await slave.runAll({ surroundings: here });
    expect(await harness.master.getBuild(second)).to.include({
      result: 'SUCCESS',
      num_atoms_done: 3,
      num_atoms_cached: 2,
    });
    expect(await sourcesOf(await begin({ inputs: ['a', 'x', 'c'] }))).to.deep.equal([1, second, 1]);
  });

  it('has subjobs of at most a hundred cached atoms, before those that run', async () => {
    const inputs = Array.from({ length: 250 }, () => 'a');
    await run({ inputs });
    const second = await begin({ inputs: [...inputs, 'x'] });
    const { subjobs, total } = await harness.master.listSubjobs(second, page);
    expect(subjobs.map(({ state, atoms, attempt }) => [state, atoms.length, attempt])).to.deep.equal([
      ['COMPLETED', 100, 0],
      ['COMPLETED', 100, 0],
      ['COMPLETED', 50, 0],
      ['NOT_STARTED', 1, 0],
    ]);
    expect(total).to.equal(4);
  });

  it('learns nothing from cached atoms: neither durations nor history', async () => {
    await run();
    const second = await begin();
    await until(async () => (await harness.master.listJobs('', page)).jobs[0]?.num_builds === 2);
    const { jobs } = await harness.master.listJobs('', page);
    const history = await harness.master.getAtomHistory(jobs[0]?.id ?? expect.fail(), 'TOKEN=1');
    expect([history.runs, history.last_passed]).to.deep.equal([1, 1]);
    expect(second).to.equal(2);
  });

  it('runs an atom that is flaky according to the history, whatever its inputs', async () => {
    const build = await begin({ job: { retries: 1 }, inputs: ['a'] });
    const other = await harness.slave(100);
    await slave.deliver(await slave.take(), { failing: [0], surroundings: here });
    await other.runAll({ surroundings: here });
    expect((await harness.master.getBuild(build)).num_atoms_flaky).to.equal(1);
    await run({ inputs: ['x'] });
    await until(async () => (await harness.master.listJobs('', page)).jobs[0]?.num_builds === 2);
    expect(await sourcesOf(await begin({ inputs: ['x'] }))).to.deep.equal(['FLAKY']);
  });

  it('says when the build of the pass is deleted, and keeps the pass', async () => {
    await run();
    harness.settings = { ...harness.settings, buildsKept: 1 };
    const second = await begin();
    await harness.restart();
    await harness.advance(2000);
    await until(async () => {
      const { builds } = await harness.master.listBuilds(page);
      return builds.length === 1;
    });
    const { atoms } = await harness.master.listAtoms(second, null, page);
    expect(atoms[0]?.cached_from).to.deep.equal({ build_id: 1, atom_id: 0, is_kept: false });
    slave = await harness.slave(100);
    expect(await sourcesOf(await begin())).to.deep.equal([1, 1, 1]);
  });

  it('forgets the oldest passes beyond passes_kept', async () => {
    harness.settings = { ...harness.settings, passesKept: 3 };
    await harness.restart();
    await slave.ask({ free_executors: 0 });
    await run();
    await harness.advance(60_000);
    slave = await harness.slave(100);
    await run({ inputs: ['d', 'e', 'f'] });
    await harness.advance(11 * 60_000);
    await harness.untilLoopsSleep();
    slave = await harness.slave(100);
    expect(await sourcesOf(await begin())).to.deep.equal(Array(3).fill('INPUTS'));
    slave = await harness.slave(100);
    expect(await sourcesOf(await begin({ inputs: ['d', 'e', 'f'] }))).to.deep.equal([2, 2, 2]);
  });

  it('sends its slaves the job as older ones take it, and what to report besides', async () => {
    const build = await harness.master.createBuild({
      ...gitBuild,
      config: {
        commands: ['true'],
        atomizers: [{ TOKEN: 'seq 4' }],
        inputs: { files: ['$TOKEN'], versions: ['node --version'] },
        cache: { atoms: true, key: ['lock'], paths: ['modules'] },
      },
    });
    const assignment = await slave.takePreparation();
    expect(assignment.config).to.deep.equal({
      commands: ['true'],
      atomizers: [{ TOKEN: 'seq 4' }],
      cache: { key: ['lock'], paths: ['modules'] },
    });
    expect(assignment.inputs).to.deep.equal({ files: ['$TOKEN'], versions: ['node --version'] });
    const atoms = [digest('a')];
    await slave.reportPrepared(
      assignment,
      1,
      { ...job, inputs: { files: ['$TOKEN'], versions: ['node --version'], environment: ['A'] } },
      { surroundings: here, atoms },
    );
    const run = await slave.take();
    expect(run.build_id).to.equal(build);
    expect(run.job.definition).to.not.have.any.keys('inputs', 'cache');
    expect(run.surroundings).to.deep.equal({ versions: ['node --version'], environment: ['A'] });
  });
});
