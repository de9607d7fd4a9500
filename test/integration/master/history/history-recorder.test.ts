import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { pino } from 'pino';
import { HistoryRecorder } from '../../../../src/master/history/history-recorder.js';
import { HistoryRetention } from '../../../../src/master/history/history-retention.js';
import { StateWriter } from '../../../../src/master/state/state-writer.js';
import { migrate } from '../../../../src/master/store/engine/migrations.js';
import { sql } from '../../../../src/master/store/engine/sql.js';
import { Sqlite } from '../../../../src/master/store/engine/sqlite.js';
import { openStore, type Store } from '../../../../src/master/store/engine/store.js';
import { historiesNamed, type StoredHistory } from '../../../../src/master/store/history/atom-histories.js';
import { pageOfJobBuilds } from '../../../../src/master/store/history/job-builds.js';
import { countJobs, jobsByLastBuild } from '../../../../src/master/store/history/jobs.js';
import { oldestUnrecorded } from '../../../../src/master/store/history/unrecorded-builds.js';
import { deleteBuild } from '../../../../src/master/store/retention.js';
import { atomHistories } from '../../../../src/master/store/tables.js';
import { type BuildId, toId } from '../../../../src/protocol/ids.js';
import { atCommitPoints } from '../../../support/commit-points.js';
import { type EndedTestBuild, storeEndedBuild } from '../../../support/ended-builds.js';

const DAY_MS = 86_400_000;
const END = 1_790_000_000_000;
const all = { offset: 0, limit: 100 };
const going = new AbortController().signal;
const log = pino({ level: 'silent' });
const kept = { historyAtomsKept: 1000, historyBuildsKept: 50 };

async function recordAll(store: Store, settings = kept): Promise<void> {
  const master = { store, writer: new StateWriter(store, log), builds: new Map() };
  const recorder = new HistoryRecorder(master, settings);
  for (;;) {
    const next = await oldestUnrecorded(store.db, []);
    if (next === undefined) {
      return;
    }
    expect(await recorder.record(toId.build(next.build_id), going)).to.equal(true);
  }
}

/** Everything that the history holds. */
async function contents(store: Store) {
  const jobs = await jobsByLastBuild(store.db, all);
  const atoms = await store.db.all(sql`SELECT * FROM atom_histories ORDER BY job_id, name`, atomHistories);
  const builds = [];
  for (const { id } of jobs) {
    builds.push(...(await pageOfJobBuilds(store.db, id, all)));
  }
  return { jobs, builds, atoms: atoms.map(({ id: _, ...atom }) => ({ ...atom })) };
}

async function only(store: Store, value: string): Promise<StoredHistory> {
  const history = (await historiesNamed(store.db, 1, [`TEST=${value}`])).get(`TEST=${value}`);
  if (history === undefined) {
    throw new Error(`There is no history of ${value}.`);
  }
  return history;
}

describe('the recorder of the history', () => {
  let directory: string;
  let store: Store;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'clusterrunner-history-'));
    store = await openStore(join(directory, 'master.db'));
  });
  afterEach(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const ended = (build: EndedTestBuild): Promise<BuildId> => storeEndedBuild(store, build);

  it('adds a build to its job, and each atom with a verdict to its history', async () => {
    await ended({
      atoms: [
        { value: 'a', verdict: 'passed', seconds: 2.345 },
        { value: 'b', verdict: 'failed' },
        { value: 'c', verdict: 'flaky' },
        { value: 'd', verdict: 'lost' },
        { value: 'e', verdict: 'none' },
      ],
      commit: 'commit one',
      endedAt: END,
    });
    await recordAll(store);
    const { jobs, builds, atoms } = await contents(store);
    expect(jobs).to.have.length(1);
    expect(jobs[0]).to.include({
      project: 'https://git.example/project.git#',
      name: 'Unit',
      atom_variables: '["TEST"]',
      num_builds: 1,
      num_atoms: 4,
      last_build_id: 1,
      pass_rate: 0,
      p50_seconds: 60,
    });
    expect(builds).to.have.length(1);
    expect(builds[0]).to.include({
      build_id: 1,
      state: 'FINISHED',
      is_partial: 0,
      num_atoms: 5,
      num_done: 4,
      num_failed: 2,
      num_lost: 1,
      num_flaky: 1,
      retry_seconds: 2,
      code: 'commit one',
      retained: 1,
    });
    expect(atoms.map(({ name }) => name)).to.deep.equal(['TEST=a', 'TEST=b', 'TEST=c', 'TEST=d']);
    const minute = Math.floor(END / 60_000);
    expect(await only(store, 'a')).to.deep.include({
      runs: 1,
      newest: [{ build: 1, atom: 0, kind: 'PASSED', seconds: 2.35, minute }],
    });
    expect(await only(store, 'b')).to.deep.include({ failures: 1, failingSince: { build: 1, minute } });
    expect(await only(store, 'c')).to.include({ runs: 1, flaky: 1, flakiness: 1, recentRetrySeconds: 2 });
    expect(await only(store, 'd')).to.include({ runs: 0, failures: 0 });
  });

  it('takes an atom that fails and passes with the same commit for flaky', async () => {
    for (const [commit, verdict] of [
      ['one', 'passed'],
      ['one', 'failed'],
      ['two', 'passed'],
      ['three', 'failed'],
    ] as const) {
      await ended({ commit, atoms: [{ value: 'a', verdict }] });
    }
    await recordAll(store);
    expect(await only(store, 'a')).to.include({ runs: 4, failures: 2, flakiness: 0.25, lastPassed: 3 });
  });

  it('keeps jobs of the same name apart by their projects', async () => {
    const atoms = [{ value: 'a', verdict: 'passed' }] as const;
    await ended({ atoms });
    await ended({ atoms, request: { url: 'https://user:password@git.example/other.git' } });
    await recordAll(store);
    const { jobs } = await contents(store);
    expect(jobs.map(({ name }) => name)).to.deep.equal(['Unit', 'Unit']);
    expect(jobs.map(({ project }) => project).join()).to.not.contain('password');
  });

  it('adds a build that was never prepared to the job that its request names', async () => {
    const broken = { atoms: [], state: 'ERROR', isPrepared: false } as const;
    await ended(broken);
    await recordAll(store);
    const [unread] = (await contents(store)).jobs;
    expect(unread).to.include({ num_builds: 1, num_atoms: 0, pass_rate: 0, p50_seconds: null });
    await ended({ atoms: [] });
    await ended(broken);
    await ended({ ...broken, request: { job_name: null } });
    await recordAll(store);
    const { jobs, builds } = await contents(store);
    expect(jobs.map(({ num_builds }) => num_builds)).to.deep.equal([3]);
    expect(builds.map(({ build_id, state }) => [build_id, state])).to.deep.equal([
      [3, 'ERROR'],
      [2, 'FINISHED'],
      [1, 'ERROR'],
    ]);
  });

  it('records a build once, at whatever commit it is killed', async () => {
    const values = Array.from({ length: 450 }, (_, n) => String(n));
    for (let build = 0; build < 3; build += 1) {
      const atoms = values.map((value, n) => {
        const verdict = (n + build) % 3 === 0 ? ('failed' as const) : ('passed' as const);
        return { value, verdict };
      });
      await ended({ atoms, commit: 'one', endedAt: END + build * DAY_MS });
    }
    const copies: string[] = [];
    await atCommitPoints(
      () => {
        const copy = join(directory, `copy-${copies.length}`);
        for (const file of ['master.db', 'master.db-wal']) {
          cpSync(join(directory, file), join(copy, file));
        }
        copies.push(copy);
      },
      () => recordAll(store),
    );
    const whole = await contents(store);
    expect(whole.jobs[0]).to.include({ num_builds: 3, num_atoms: 450 });
    expect(copies).to.have.length.above(20);
    for (const copy of copies) {
      const again = await openStore(join(copy, 'master.db'));
      await recordAll(again);
      expect(await contents(again), copy).to.deep.equal(whole);
      await again.close();
    }
  });

  it('goes on where it was stopped', async () => {
    const atoms = Array.from({ length: 300 }, (_, n) => ({ value: String(n), verdict: 'passed' as const }));
    const build = await ended({ atoms });
    const stop = new AbortController();
    const writer = new StateWriter(store, log);
    const recorder = new HistoryRecorder({ store, writer, builds: new Map() }, kept);
    const recording = recorder.record(build, stop.signal);
    await writer.untilCommit();
    stop.abort();
    expect(await recording).to.equal(false);
    await recordAll(store);
    expect((await contents(store)).jobs[0]).to.include({ num_builds: 1, num_atoms: 300 });
    expect((await only(store, '299')).runs).to.equal(1);
  });

  it('keeps the runs of so many atoms, and forgets first those that have not run for the longest time', async () => {
    const named = (...values: string[]) => values.map((value) => ({ value, verdict: 'passed' as const }));
    await ended({ atoms: named('a', 'b'), endedAt: END - 30 * DAY_MS });
    await ended({ atoms: named('c', 'd'), endedAt: END - 20 * DAY_MS });
    await ended({ atoms: named('a', 'e'), endedAt: END });
    await recordAll(store, { ...kept, historyAtomsKept: 3 });
    const { jobs, atoms } = await contents(store);
    expect(atoms.map(({ name }) => name)).to.deep.equal(['TEST=a', 'TEST=d', 'TEST=e']);
    expect(jobs[0]?.num_atoms).to.equal(3);
  });

  it('keeps no runs of atoms where none are to be kept', async () => {
    await ended({ atoms: [{ value: 'a', verdict: 'passed' }] });
    await recordAll(store, { ...kept, historyAtomsKept: 0 });
    const { jobs, builds, atoms } = await contents(store);
    expect(jobs[0]).to.include({ num_builds: 1, num_atoms: 0 });
    expect([builds.length, atoms.length]).to.deep.equal([1, 0]);
  });

  it('keeps so many builds of each job', async () => {
    for (let n = 0; n < 55; n += 1) {
      await ended({ atoms: [] });
    }
    await recordAll(store);
    const { jobs, builds } = await contents(store);
    expect(builds.map(({ build_id }) => build_id)).to.deep.equal(
      Array.from({ length: 50 }, (_, n) => 55 - n),
    );
    expect(jobs[0]?.num_builds).to.equal(55);
  });

  it('keeps what it has recorded when the build is deleted', async () => {
    const build = await ended({ atoms: [] });
    await recordAll(store);
    await store.write([deleteBuild(build)]);
    expect((await contents(store)).builds).to.have.length(1);
    expect((await contents(store)).builds[0]?.retained).to.equal(null);
  });
});

describe('the retention of the history', () => {
  let directory: string;
  let store: Store;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'clusterrunner-history-'));
    store = await openStore(join(directory, 'master.db'));
    const atoms = [{ value: 'a', verdict: 'passed' }] as const;
    await storeEndedBuild(store, { atoms, endedAt: END - 40 * DAY_MS });
    await storeEndedBuild(store, { atoms: [{ value: 'b', verdict: 'passed' }], endedAt: END });
    await storeEndedBuild(store, {
      atoms,
      endedAt: END - 40 * DAY_MS,
      request: { job_name: 'Other' },
      isPrepared: true,
    });
    await recordAll(store);
  });
  afterEach(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const enforce = (historyKeptDays: number) =>
    new HistoryRetention(
      { store, writer: new StateWriter(store, log) },
      { historyKeptDays },
      { now: END },
    ).enforce(going);

  it('forgets what is older than its days, and jobs of which nothing is left', async () => {
    await enforce(30);
    const { jobs, builds, atoms } = await contents(store);
    expect(jobs.map(({ name, num_atoms }) => [name, num_atoms])).to.deep.equal([['Unit', 1]]);
    expect(builds.map(({ build_id }) => build_id)).to.deep.equal([2]);
    expect(atoms.map(({ name }) => name)).to.deep.equal(['TEST=b']);
    await enforce(30);
    expect(await countJobs(store.db)).to.deep.equal({ jobs: 1, atoms: 1 });
  });

  it('forgets nothing for its age when it is to be kept forever', async () => {
    await enforce(0);
    expect((await contents(store)).builds).to.have.length(3);
  });
});

describe('a store of an earlier version', () => {
  it('has its ended builds recorded, and no others', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'clusterrunner-history-'));
    const path = join(directory, 'master.db');
    const old = new Sqlite(path);
    migrate(old, '0013_start_times');
    const request = { type: 'directory', project_directory: '/project', job_name: 'Unit' };
    const rerun = { ...request, atoms_override: ['1'] };
    const timestamps = JSON.stringify({ QUEUED: END / 1000 - 1, FINISHED: END / 1000 });
    const job = { name: 'Unit', definition: { commands: ['true'], atomizers: [{ TEST: 'ls' }] } };
    for (const [body, state, end] of [
      [request, 'FINISHED', END],
      [rerun, 'FINISHED', END],
      [request, 'QUEUED', null],
    ] as const) {
      old
        .prepare(
          'INSERT INTO builds (request, listed_request, state, timestamps, job, ended_at) VALUES (?, ?, ?, ?, ?, ?)',
        )
        .run([JSON.stringify(body), JSON.stringify(request), state, timestamps, JSON.stringify(job), end]);
    }
    old.execute(`
      INSERT INTO atoms (build_id, atom_id, subjob_id, variable, value, state, exit_code, failed, actual_time)
      VALUES (1, 0, 0, 'TEST', 'a', 'COMPLETED', 0, 0, 2)`);
    old.close();
    const store = await openStore(path);
    try {
      await recordAll(store);
      const { builds, atoms } = await contents(store);
      expect(builds.map(({ build_id, is_partial }) => [build_id, is_partial])).to.deep.equal([
        [2, 1],
        [1, 0],
      ]);
      expect(atoms.map(({ name, runs }) => [name, runs])).to.deep.equal([['TEST=a', 1]]);
    } finally {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
