import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { pino } from 'pino';
import { HistoryQueries } from '../../../../src/master/history/history-queries.js';
import { HistoryRecorder } from '../../../../src/master/history/history-recorder.js';
import { StateWriter } from '../../../../src/master/state/state-writer.js';
import { text } from '../../../../src/master/store/engine/columns.js';
import { Reader } from '../../../../src/master/store/engine/engine.js';
import { type Sql, sql } from '../../../../src/master/store/engine/sql.js';
import { openStore, type Store } from '../../../../src/master/store/engine/store.js';
import { change } from '../../../../src/master/store/engine/write.js';
import { pageOfAtomsByScore } from '../../../../src/master/store/history/atom-lists.js';
import { oldestUnrecorded } from '../../../../src/master/store/history/unrecorded-builds.js';
import { deleteBuild, deletePartOf } from '../../../../src/master/store/retention.js';
import type { HistoryOrder } from '../../../../src/protocol/build/history.js';
import { type BuildId, toId } from '../../../../src/protocol/ids.js';
import { type EndedTestAtom, type EndedTestBuild, storeEndedBuild } from '../../../support/ended-builds.js';
import { refused } from '../../../support/master-harness.js';

const DAY_MS = 86_400_000;
const END = 1_790_000_000_000;
const going = new AbortController().signal;
const page = { offset: 0, limit: 100 };
const job = toId.job(1);

describe('the history, as readers see it,', () => {
  let directory: string;
  let store: Store;
  let queries: HistoryQueries;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'clusterrunner-history-'));
    store = await openStore(join(directory, 'master.db'));
    queries = new HistoryQueries(store.db);
    for (const build of story) {
      await storeEndedBuild(store, build);
    }
    const master = {
      store,
      writer: new StateWriter(store, pino({ level: 'silent' })),
      builds: new Map(),
    };
    const recorder = new HistoryRecorder(master, { historyAtomsKept: 1000, historyBuildsKept: 50 });
    for (;;) {
      const next = await oldestUnrecorded(store.db, []);
      if (next === undefined) {
        break;
      }
      await recorder.record(toId.build(next.build_id), going);
    }
    await forget(toId.build(1));
  });
  after(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const forget = async (build: BuildId) => {
    await store.write([deletePartOf(build, 'atoms'), deletePartOf(build, 'subjobs'), deleteBuild(build)]);
  };
  const names = async (order: HistoryOrder, text = '', range = page) => {
    const { atoms, total } = await queries.listJobAtoms(job, { ...range, order, text }, going);
    return [...atoms.map(({ name }) => name.replace('TEST=', '')), total];
  };

  it('lists jobs by their newest builds, and finds them by project or name', async () => {
    const { jobs, total } = await queries.listJobs('', page);
    expect(jobs.map(({ name, project }) => [name, project])).to.deep.equal([
      ['Other', 'https://git.example/project.git'],
      ['Unit', 'https://git.example/project.git'],
    ]);
    expect(total).to.equal(2);
    expect((await queries.listJobs('oTHe', page)).jobs.map(({ id }) => id)).to.deep.equal([2]);
    expect((await queries.listJobs('PROJECT.git', { offset: 1, limit: 1 })).jobs[0]?.name).to.equal('Unit');
    expect(await queries.listJobs('nothing like it', page)).to.deep.equal({ jobs: [], total: 0 });
  });

  it('has for each job its last build and its trend over the days', async () => {
    const trend = await queries.getJob(job);
    expect(trend).to.deep.include({
      num_builds: 4,
      num_atoms: 5,
      num_atoms_flaky: 2,
      num_atoms_failing: 2,
      p50_seconds: 60,
      atom_variables: ['TEST'],
    });
    expect(trend.pass_rate).to.equal(0);
    expect(trend.last_build).to.include({ build_id: 4, result: 'FAILURE', retained: true });
    expect(
      trend.days.map(({ num_builds, num_failed, retry_seconds }) => [num_builds, num_failed, retry_seconds]),
    ).to.deep.equal([
      [2, 2, 2],
      [2, 2, 0],
    ]);
  });

  it('knows which builds still exist', async () => {
    const { builds, total } = await queries.listJobBuilds(job, page);
    expect(builds.map(({ build_id, retained }) => [build_id, retained])).to.deep.equal([
      [4, true],
      [3, true],
      [2, true],
      [1, false],
    ]);
    expect(total).to.equal(4);
    const { last } = await queries.getAtomHistory(job, 'TEST=steady');
    expect(last.map(({ build_id, retained }) => [build_id, retained])).to.deep.equal([
      [1, false],
      [2, true],
      [3, true],
      [4, true],
    ]);
  });

  it('lists the atoms of a job in each order, and those that the order is about', async () => {
    expect(await names('name')).to.deep.equal(['always fails', 'breaks', 'retried', 'shaky', 'steady', 5]);
    expect(await names('slowest')).to.deep.equal(['steady', 'breaks', 'shaky', 'retried', 'always fails', 5]);
    expect(await names('flaky')).to.deep.equal(['shaky', 'retried', 2]);
    expect(await names('failing')).to.deep.equal(['always fails', 'breaks', 2]);
    expect(await names('newly_failing')).to.deep.equal(['breaks', 1]);
    expect(await names('retry_seconds')).to.deep.equal(['retried', 1]);
    expect(await names('slowest', '', { offset: 1, limit: 2 })).to.deep.equal(['breaks', 'shaky', 5]);
  });

  it('finds atoms by a part of their names, in each order', async () => {
    expect(await names('name', 'SHAKY')).to.deep.equal(['shaky', 1]);
    expect(await names('slowest', 's')).to.deep.equal(await names('slowest'));
    expect(await names('failing', 'break')).to.deep.equal(['breaks', 1]);
    expect(await names('flaky', 'steady')).to.deep.equal([0]);
    expect(await names('name', 's', { offset: 2, limit: 2 })).to.deep.equal(['retried', 'shaky', 5]);
  });

  it('has the history of an atom of a build, which may still run', async () => {
    const found = await queries.historyOfAtom(toId.build(2), toId.atom(0));
    expect(found.job_id).to.equal(job);
    expect(found.history).to.deep.equal(await queries.getAtomHistory(job, 'TEST=steady'));
    const other = await storeEndedBuild(store, { atoms: [{ value: 'new', verdict: 'none' }] });
    expect(await queries.historyOfAtom(other, toId.atom(0))).to.deep.equal({ job_id: job, history: null });
    const unknown = { request: { job_name: 'Unknown' }, atoms: [{ value: 'new', verdict: 'none' }] } as const;
    const unknownBuild = await storeEndedBuild(store, unknown);
    expect(await queries.historyOfAtom(unknownBuild, toId.atom(0))).to.deep.equal({
      job_id: null,
      history: null,
    });
  });

  it('says that something is not in it', async () => {
    expect(await refused(queries.getJob(toId.job(9)), 'NOT_FOUND')).to.contain('job 9');
    await refused(queries.listJobBuilds(toId.job(9), page), 'NOT_FOUND');
    await refused(queries.getAtomHistory(job, 'TEST=nothing'), 'NOT_FOUND');
    await refused(queries.historyOfAtom(toId.build(99), toId.atom(0)), 'NOT_FOUND');
    await refused(queries.historyOfAtom(toId.build(2), toId.atom(99)), 'NOT_FOUND');
  });

  it('is searched without an end when many atoms match, in the same order as without a search', async () => {
    await store.write([
      change(sql`
        WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 12000)
        INSERT INTO atom_histories (job_id, name, runs, failures, flaky, retry_seconds, recent_retry_seconds, flakiness,
          slowness, first_seen, first_seen_minute, last_week, newest_runs, days)
        SELECT 2, 'TEST=many ' || n, 1, 0, 0, 0, 0, CASE WHEN n % 3 = 0 THEN n / 12000.0 ELSE 0 END, n % 1000, 1, 1, 1, '', ''
        FROM numbers`),
      change(sql`UPDATE jobs SET num_atoms = num_atoms + 12000 WHERE id = 2`),
    ]);
    const other = toId.job(2);
    for (const order of ['name', 'slowest', 'flaky'] as const) {
      const range = { offset: 1990, limit: 20, order };
      const searched = await queries.listJobAtoms(other, { ...range, text: 'MANY' }, going);
      const listed = await queries.listJobAtoms(other, { ...range, text: '' }, going);
      expect(searched, order).to.deep.equal({
        ...listed,
        total: order === 'flaky' ? listed.total : 12_000,
      });
    }
  });

  it('finds a page of each order through an index, without sorting', async () => {
    for (const order of ['slowest', 'flaky', 'failing', 'newly_failing', 'retry_seconds'] as const) {
      const asked: Sql[] = [];
      const reader = new Reader({
        read: async (query) => {
          asked.push(query);
          return [];
        },
        lastId: async () => 0,
      });
      await pageOfAtomsByScore(reader, 1, order, page);
      const [query = sql``] = asked;
      const plan = await store.db.all(sql`EXPLAIN QUERY PLAN ${query}`, { detail: text });
      expect(plan.map(({ detail }) => detail).join(), order).to.match(
        /^SEARCH atom_histories USING INDEX atom_histories_\w+ \(job_id=\?[^,]*\)$/,
      );
    }
  });

  it('ends a search that nobody waits for', async () => {
    const gone = new AbortController();
    const search = queries.listJobAtoms(toId.job(2), { ...page, order: 'name', text: 'x' }, gone.signal);
    gone.abort(new Error('The client is gone.'));
    expect(await search.then(() => '', String)).to.contain('gone');
  });
});

const of = (verdicts: Record<string, [EndedTestAtom['verdict'], number]>): EndedTestAtom[] =>
  Object.entries(verdicts).map(([value, [verdict, seconds]]) => ({ value, verdict, seconds }));

/** Four builds of one job with a steady atom and others, on two days, and one build of another job. */
const story: readonly EndedTestBuild[] = [
  {
    commit: 'one',
    endedAt: END - DAY_MS,
    atoms: of({
      steady: ['passed', 9],
      shaky: ['passed', 4],
      'always fails': ['failed', 1],
      breaks: ['passed', 5],
    }),
  },
  {
    commit: 'one',
    endedAt: END - DAY_MS,
    atoms: of({
      steady: ['passed', 9],
      shaky: ['failed', 4],
      retried: ['flaky', 1],
      'always fails': ['failed', 0.5],
    }),
  },
  {
    commit: 'two',
    endedAt: END,
    atoms: of({ steady: ['passed', 9], shaky: ['failed', 4], breaks: ['failed', 5], retried: ['passed', 1] }),
  },
  {
    commit: 'two',
    endedAt: END,
    atoms: of({
      steady: ['passed', 9],
      shaky: ['passed', 4],
      breaks: ['failed', 5],
      retried: ['passed', 1],
      'always fails': ['failed', 0.5],
    }),
  },
  { request: { job_name: 'Other' }, atoms: [], endedAt: END },
];
