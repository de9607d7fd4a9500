import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { withRunInHistory } from '../../../src/domain/history/atom-history.js';
import * as atomViews from '../../../src/master/store/atom-views.js';
import * as atoms from '../../../src/master/store/atoms.js';
import * as builds from '../../../src/master/store/builds.js';
import type { Reader } from '../../../src/master/store/engine/engine.js';
import { type Sql, sql } from '../../../src/master/store/engine/sql.js';
import { openStore, type Store } from '../../../src/master/store/engine/store.js';
import type { Write } from '../../../src/master/store/engine/write.js';
import * as events from '../../../src/master/store/events.js';
import * as factsColumn from '../../../src/master/store/facts-column.js';
import * as atomHistories from '../../../src/master/store/history/atom-histories.js';
import * as atomLists from '../../../src/master/store/history/atom-lists.js';
import * as jobBuilds from '../../../src/master/store/history/job-builds.js';
import * as jobs from '../../../src/master/store/history/jobs.js';
import * as unrecordedBuilds from '../../../src/master/store/history/unrecorded-builds.js';
import * as leases from '../../../src/master/store/leases.js';
import * as minuteLoads from '../../../src/master/store/minute-loads.js';
import * as nonces from '../../../src/master/store/nonces.js';
import * as recordedPasses from '../../../src/master/store/recorded-passes.js';
import * as regrouping from '../../../src/master/store/regrouping.js';
import * as retention from '../../../src/master/store/retention.js';
import * as searches from '../../../src/master/store/searches.js';
import * as slaves from '../../../src/master/store/slaves.js';
import * as failures from '../../../src/master/store/stored-failures.js';
import * as subjobs from '../../../src/master/store/subjobs.js';
import * as timelineRows from '../../../src/master/store/timeline-rows.js';
import * as timings from '../../../src/master/store/timings.js';
import * as undelivered from '../../../src/master/store/undelivered.js';
import { atomOrder } from '../../../src/protocol/build/search-parameters.js';
import { toId } from '../../../src/protocol/ids.js';
import { directoryBuild } from '../../support/master-harness.js';

const modules = [
  atomHistories,
  atomLists,
  atomViews,
  atoms,
  builds,
  events,
  factsColumn,
  failures,
  jobBuilds,
  jobs,
  leases,
  minuteLoads,
  nonces,
  recordedPasses,
  regrouping,
  retention,
  searches,
  slaves,
  subjobs,
  timelineRows,
  timings,
  undelivered,
  unrecordedBuilds,
];
/** Exports that run no statement of their own. */
const others = new Set([
  'atomsWhere',
  'factsColumn',
  'interruptionOf',
  'listedRequest',
  'readAffected',
  'readAffectedAtoms',
  'readFacts',
  'readHistory',
  'readJobColumn',
  'readLosses',
  'readRequest',
  'readRevision',
  'readTimestamps',
  'readVariables',
  'subjobTable',
  'summedFacts',
]);

const build = toId.build(1);
const subjob = toId.subjob(0);
const atom = toId.atom(0);
const lease = toId.lease(1);
const ref = { lease_id: lease, attempt: toId.attempt(1) };
const slave = toId.slave(1);
const origin = { build, begins: 0, firstLease: 1 };
const page = { offset: 0, limit: 1 };
const estimate = { expected: 1, stdDev: 0 };
const register = { instance: 'instance', name: 'n', url: null, num_executors: 1, version: '1' };
const listed = { variable: 'T', value: 'a' };
const leaseRow = {
  id: 1,
  build_id: 1,
  subjob_id: 0,
  attempt: 1,
  slave_id: 1,
  executor_index: 0,
  token: 't',
  taken_at: 1,
};
const task = { state: 'DONE', taken: 1, lease: 1, losses: [], error: null } as const;
const groups = [
  { id: subjob, atoms: [0], ...estimate },
  { id: toId.subjob(1), atoms: [1], ...estimate },
];
const regrouped = { groups, dropped: [toId.subjob(2)] };
const jobBuild = {
  build_id: 1,
  state: 'FINISHED',
  is_partial: 0,
  created_at: 1,
  started_at: 1,
  ended_at: 1,
  num_atoms: 1,
  num_done: 1,
  num_failed: 0,
  num_lost: 0,
  num_flaky: 0,
  code: null,
  commit_hash: null,
  branch: null,
  subject: null,
  has_changes: null,
  requested_by: null,
} as const;
const ran = { build: 1, atom: 0, kind: 'PASSED', seconds: 1, minute: 1 } as const;
const history = withRunInHistory(null, ran, 0, () => null);

const inEachOrder = (use: (order: atomLists.ScoreOrder) => Promise<unknown>) =>
  Promise.all((['slowest', 'flaky', 'failing', 'newly_failing', 'retry_seconds'] as const).map(use));

const writes: Record<string, Write | readonly Write[]> = {
  insertAtoms: atoms.insertAtoms(build, [{ id: 0, subjob: 0, ...listed, ...estimate }]),
  storeCacheFacts: atoms.storeCacheFacts(build, [{ id: 0, key: 'k', decision: { reason: 'NO_PASS' } }]),
  recordProgress: atoms.recordProgress(build, subjob, lease, [], 1),
  recordVerdicts: atoms.recordVerdicts(build, subjob, lease, []),
  keepFailedRuns: timelineRows.keepFailedRuns(build, [atom]),
  retryAtoms: atoms.retryAtoms(build, [{ id: atom, subjob }]),
  recordInterrupted: atoms.recordInterrupted(build, subjob, lease, []),
  moveAtoms: atoms.moveAtoms(build, [atom], subjob),
  failAtoms: atoms.failAtoms(build, subjob),
  settleAtoms: atoms.settleAtoms(build, 1),
  storeVerdictCounts: atoms.storeVerdictCounts(build),
  recordFailures: failures.recordFailures(build, lease, [{ id: atom, key: 'k', lines: 'l' }]),
  addFailures: failures.addFailures(build, [{ id: atom, key: 'k', lines: 'l' }]),
  insertBuild: builds.insertBuild(directoryBuild, {}),
  updateBuild: builds.updateBuild(build, { num_subjobs: 1, losses: [] }),
  appendEvent: events.appendEvent('BUILD_CREATED', {}, 1),
  appendBuildCreated: events.appendBuildCreated(1),
  appendSlaveConnected: events.appendSlaveConnected(register, 1),
  trimEvents: events.trimEvents(1, 1),
  insertLease: leases.insertLease(leaseRow),
  endLease: leases.endLease(lease, 'LOST', 1),
  cancelHeldLeases: leases.cancelHeldLeases(build, 1),
  insertNonces: nonces.insertNonces({ expires: 1, nonces: [] }),
  forgetNonces: nonces.forgetNonces(1),
  storeRegrouped: regrouping.storeRegrouped(build, regrouped, new Set([subjob])),
  deletePartOf: (['atoms', 'retried_runs', 'subjobs', 'leases'] as const).map((table) =>
    retention.deletePartOf(build, table),
  ),
  deleteBuild: retention.deleteBuild(build),
  saveSlave: slaves.saveSlave(register, 1),
  setSlaveState: slaves.setSlaveState(slave, 'GONE', 1),
  setDraining: slaves.setDraining([slave]),
  deleteSlaves: slaves.deleteSlaves([slave]),
  insertSubjobs: subjobs.insertSubjobs(build, [{ id: 0, atoms: 1, ...estimate }]),
  cacheSubjobs: subjobs.cacheSubjobs(build, 1, lease),
  leaseSubjob: subjobs.leaseSubjob(build, subjob, ref),
  duplicateSubjob: subjobs.duplicateSubjob(build, subjob, ref),
  endSubjobLease: subjobs.endSubjobLease(build, subjob, ref, task),
  cutSubjobs: subjobs.cutSubjobs(build),
  learnTimings: timings.learnTimings({ build, subjob, project: 'p', job: 'j' }, 1),
  recordRuns: recordedPasses.recordRuns({ scope: 's', build, subjob }, [{ id: 0, name: 'T=a' }], true, 1),
  forgetPasses: recordedPasses.forgetPasses(1, 1),
  forgetOldestPasses: recordedPasses.forgetOldestPasses(1),
  forgetTimings: timings.forgetTimings(1),
  saveMinuteLoad: minuteLoads.saveMinuteLoad({ minute: 1, executors: 4, busy: 2.5, waiting: 0 }),
  trimMinuteLoads: minuteLoads.trimMinuteLoads(1, 2),
  queueForHistory: unrecordedBuilds.queueForHistory(build, false),
  noteJob: unrecordedBuilds.noteJob(build, 'p', 'j'),
  noteRecorded: unrecordedBuilds.noteRecorded(build, 0, 1),
  endRecording: unrecordedBuilds.endRecording(build),
  insertJob: jobs.insertJob('p', 'j'),
  noteBuild: jobs.noteBuild('p', 'j', 1),
  setSummary: jobs.setSummary(1, { pass_rate: 1, p50_seconds: null, p95_seconds: null }),
  setAtomVariables: jobs.setAtomVariables('p', 'j', ['T']),
  addToNumAtoms: jobs.addToNumAtoms(1, 1),
  deleteJob: jobs.deleteJob(1),
  insertJobBuild: jobBuilds.insertJobBuild('p', 'j', jobBuild),
  addRetrySeconds: jobBuilds.addRetrySeconds(1, 1, 1),
  trimJobBuilds: jobBuilds.trimJobBuilds(1, 1, 1),
  forgetJobBuilds: jobBuilds.forgetJobBuilds(1, 1),
  insertHistory: atomHistories.insertHistory(1, 'T=a', history),
  updateHistory: [
    atomHistories.updateHistory({ ...history, id: 1 }, history),
    atomHistories.updateHistory({ ...history, id: 1 }, { ...history, failures: 1 }),
  ],
  forgetOldestAtoms: atomHistories.forgetOldestAtoms(1),
  forgetUnusedAtoms: atomHistories.forgetUnusedAtoms(1, 1),
  forgetAtomsOfJob: atomHistories.forgetAtomsOfJob(1, 1),
};

const reads: Record<string, (db: Reader) => Promise<unknown>> = {
  pageOfAtoms: (db) => atomViews.pageOfAtoms(db, build, page),
  pageOfAtomsOfSubjob: (db) => atomViews.pageOfAtomsOfSubjob(db, build, subjob, page),
  chosenAtoms: (db) => atomViews.chosenAtoms(db, build, [atom]),
  findAtom: (db) => atomViews.findAtom(db, build, atom),
  failedAtoms: (db) => atomViews.failedAtoms(db, build, 1),
  flakyAtoms: (db) => atomViews.flakyAtoms(db, build, 1),
  interruptedAtoms: (db) => atomViews.interruptedAtoms(db, build, 1),
  atomsOfSubjobs: (db) => atomViews.atomsOfSubjobs(db, build, [0]),
  runningAtoms: (db) => atomViews.runningAtoms(db, build, [0], [1]),
  pageOfSubjobs: (db) => atomViews.pageOfSubjobs(db, build, page),
  viewSubjob: (db) => atomViews.viewSubjob(db, build, subjob),
  atomsOfSubjob: (db) => atoms.atomsOfSubjob(db, build, subjob),
  begunSubjobs: (db) => atoms.begunSubjobs(db, build),
  begunAtoms: (db) => atoms.begunAtoms(db, build),
  reportedVerdicts: (db) => atoms.reportedVerdicts(db, build),
  countVerdicts: (db) => atoms.countVerdicts(db, build),
  reasonsNotCached: (db) => atoms.reasonsNotCached(db, build),
  readRecordedRuns: (db) => recordedPasses.readRecordedRuns(db, ['s'], ['T=a']),
  flakyAmong: (db) => recordedPasses.flakyAmong(db, 'p', 'j', ['T=a']),
  countPasses: (db) => recordedPasses.countPasses(db),
  findBuild: (db) => builds.findBuild(db, build),
  findBuildHead: (db) => builds.findBuildHead(db, build),
  pageOfBuilds: (db) => builds.pageOfBuilds(db, page),
  findBuildCourse: (db) => builds.findBuildCourse(db, build),
  atomsOfTimeline: async (db) => {
    for (const chosen of [{ from: 0, to: 1 }, [atom]]) {
      await timelineRows.atomsOfTimeline(db, origin, chosen);
    }
  },
  runsBeforeRetries: async (db) => {
    for (const chosen of [{ from: 0, to: 1 }, [atom]]) {
      await timelineRows.runsBeforeRetries(db, origin, chosen);
    }
  },
  placesOfLeases: async (db) => {
    for (const chosen of [{ after: 0, limit: 1 }, [0]]) {
      await timelineRows.placesOfLeases(db, origin, chosen);
    }
  },
  barsOfLeases: (db) => timelineRows.barsOfLeases(db, origin),
  preparationsOf: (db) => timelineRows.preparationsOf(db, build, 2, 1),
  firstLeaseOf: (db) => timelineRows.firstLeaseOf(db, build),
  namesOfSlaves: (db) => timelineRows.namesOfSlaves(db, [slave]),
  chosenBuilds: (db) => builds.chosenBuilds(db, [build]),
  unfinishedBuilds: (db) => builds.unfinishedBuilds(db),
  hasMoreEvents: (db) => events.hasMoreEvents(db, 1),
  eventsSince: (db) => events.eventsSince(db, { id: 0, time: 0, limit: 1 }),
  lastEventId: (db) => events.lastEventId(db),
  lastEventTime: (db) => events.lastEventTime(db),
  countFailures: (db) => failures.countFailures(db, build),
  linesOfGroups: (db) => failures.linesOfGroups(db, build),
  atomsOfGroup: (db) => failures.atomsOfGroup(db, build, 'lost', 1),
  failuresToRead: (db) => failures.failuresToRead(db, build, 1),
  sumFacts: (db) => factsColumn.sumFacts(db, build),
  heldLeases: (db) => leases.heldLeases(db, build),
  lastLeaseId: (db) => leases.lastLeaseId(db),
  minuteLoadsSince: (db) => minuteLoads.minuteLoadsSince(db, 1),
  allNonces: (db) => nonces.allNonces(db),
  atomsThatWait: (db) => regrouping.atomsThatWait(db, build, [subjob]),
  buildsToForget: (db) => retention.buildsToForget(db, 1, 1, 1),
  hasPlan: (db) => retention.hasPlan(db, build),
  knownBuilds: (db) => retention.knownBuilds(db, [1]),
  searchAtoms: async (db) => {
    for (const slave of [null, 'worker']) {
      const criteria = { states: null, text: 'x', slave, least: 1, most: null, group: 'k' };
      for (const order of atomOrder) {
        await searches.searchAtoms(db, build, criteria, order, { from: 0, to: 1, most: 1 });
      }
    }
  },
  searchBuilds: async (db) => {
    for (const ids of [null, [build]]) {
      await searches.searchBuilds(db, { status: 'BUILDING', text: 'x', ids }, { after: 0, limit: 1 });
    }
  },
  idsOfJobs: (db) => jobs.idsOfJobs(db, [{ project: 'p', job: 'j' }]),
  keptBuildsOfJob: (db) => jobBuilds.keptBuildsOfJob(db, 1),
  buildsToRecord: (db) => unrecordedBuilds.buildsToRecord(db),
  allSlaves: (db) => slaves.allSlaves(db),
  findResultIndex: (db) => subjobs.findResultIndex(db, build, subjob),
  findSubjob: (db) => subjobs.findSubjob(db, build, subjob),
  subjobsOf: (db) => subjobs.subjobsOf(db, build),
  deliveredSubjobs: (db) => subjobs.deliveredSubjobs(db, build),
  readTimings: (db) => timings.readTimings(db, 'p', 'j', [listed]),
  oldestUnrecorded: (db) => unrecordedBuilds.oldestUnrecorded(db, [1]),
  findUnrecorded: (db) => unrecordedBuilds.findUnrecorded(db, build),
  buildToRecord: (db) => unrecordedBuilds.buildToRecord(db, build),
  atomsToRecord: (db) => unrecordedBuilds.atomsToRecord(db, build, 0, 1),
  findJobNamed: (db) => jobs.findJobNamed(db, 'p', 'j'),
  findJob: (db) => jobs.findJob(db, 1),
  jobsByLastBuild: (db) => jobs.jobsByLastBuild(db, page),
  namesOfJobs: (db) => jobs.namesOfJobs(db),
  jobsOf: (db) => jobs.jobsOf(db, [1]),
  countJobs: (db) => jobs.countJobs(db),
  jobsToForget: (db) => jobs.jobsToForget(db, 1, 1),
  codesOf: (db) => jobBuilds.codesOf(db, 1, 1),
  pageOfJobBuilds: (db) => jobBuilds.pageOfJobBuilds(db, 1, page),
  lastBuildsOf: (db) => jobBuilds.lastBuildsOf(db, [1]),
  countJobBuilds: (db) => jobBuilds.countJobBuilds(db, 1),
  pageOfAtomsByName: (db) => atomLists.pageOfAtomsByName(db, 1, page),
  nextAtomsByName: (db) => atomLists.nextAtomsByName(db, 1, '', 1),
  atomHistoriesOf: (db) => atomLists.atomHistoriesOf(db, [1]),
  pageOfAtomsByScore: (db) => inEachOrder((order) => atomLists.pageOfAtomsByScore(db, 1, order, page)),
  countAtomsWithScore: (db) => inEachOrder((order) => atomLists.countAtomsWithScore(db, 1, order)),
  orderedByScore: (db) => inEachOrder((order) => atomLists.orderedByScore(db, order, [1])),
  nextAtomsByScore: (db) =>
    inEachOrder(async (order) => {
      await atomLists.nextAtomsByScore(db, 1, order, null, 1);
      await atomLists.nextAtomsByScore(db, 1, order, { id: 1, name: 'a', score: 1 }, 1);
    }),
  historiesNamed: (db) => atomHistories.historiesNamed(db, 1, ['T=a']),
  troubleOf: (db) => atomHistories.troubleOf(db, 1, ['T=a']),
  undeliveredSubjobs: (db) => undelivered.undeliveredSubjobs(db, build),
  undeliveredAtoms: (db) => undelivered.undeliveredAtoms(db, build, subjob),
};

describe('every statement of the store', () => {
  let directory: string;
  let store: Store;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'clusterrunner-statements-'));
    store = await openStore(join(directory, 'master.db'));
  });
  after(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const isValid = async (statement: Sql) => {
    expect(await store.db.all(sql`EXPLAIN ${statement}`, {})).to.have.length.above(0);
  };

  it('is in this test', () => {
    const names = modules.flatMap((module) =>
      Object.entries(module).flatMap(([name, value]) => (typeof value === 'function' ? [name] : [])),
    );
    expect(names.filter((name) => !others.has(name)).sort()).to.deep.equal(
      [...Object.keys(writes), ...Object.keys(reads)].sort(),
    );
  });

  for (const [name, write] of Object.entries(writes)) {
    it(`in ${name} is valid for the schema`, async () => {
      for (const one of [write].flat()) {
        await isValid(one.sql);
      }
    });
  }

  for (const [name, read] of Object.entries(reads)) {
    it(`in ${name} is valid for the schema`, async () => {
      await read(store.db);
    });
  }
});
