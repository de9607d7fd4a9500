import { detailsOf, isEnded, resultOf, type StateTimestamps, statusOf } from '../../domain/build-state.js';
import { secondsLeft } from '../../domain/scheduling/estimate.js';
import { variablesOf } from '../../job/atom-labels.js';
import { maskRequest } from '../../job/build-request.js';
import {
  type Affected,
  type Build,
  type BuildRequest,
  type BuildState,
  buildState,
} from '../../protocol/build/build.js';
import type { NamedJob } from '../../protocol/build/job.js';
import type { Revision } from '../../protocol/build/revision.js';
import { type BuildId, toId } from '../../protocol/ids.js';
import type { ResultFacts } from '../../protocol/results/result-facts.js';
import { countsReports } from '../leases/failure-feed.js';
import type { ActiveBuild } from '../state/active-build.js';
import type { ActiveLeases } from '../state/active-leases.js';
import type { AtomView } from '../store/atom-views.js';
import { readAffected, readRequest, readRevision, readTimestamps } from '../store/builds.js';
import { readFacts } from '../store/facts-column.js';
import type { BuildRow } from '../store/tables.js';
import { presentAtom } from './atom-view.js';
import { executorsOf } from './build-executors.js';

interface Facts {
  readonly id: BuildId;
  readonly state: BuildState;
  readonly timestamps: StateTimestamps;
  readonly request: BuildRequest;
  readonly numAtoms: number | null;
  /** null until it is prepared. */
  readonly job: NamedJob | null;
  readonly subjobs: { readonly done: number; readonly total: number } | null;
  readonly atomsDone: number;
  readonly atomsFailed: number;
  readonly atomsLost: number;
  readonly atomsFlaky: number;
  readonly atomsCached: number;
  readonly resultFacts: ResultFacts;
  readonly executors: number;
  readonly secondsLeft: number | null;
  readonly failedAtoms: readonly AtomView[];
  readonly flakyAtoms: readonly AtomView[];
  readonly interruptedAtoms: readonly AtomView[];
  readonly error: string | null;
  readonly revision: Revision | null;
  readonly affected: Affected | null;
}

/** The view of a running build. */
export function presentRunning(leases: ActiveLeases, build: ActiveBuild): Build {
  const { id, work, request, numAtoms, counts, resultFacts, reported } = build;
  const reportedFailed = countsReports(build.job) ? reported.failed : 0;
  const { busy, settingUp } = executorsOf(leases, build);
  return present({
    id,
    state: work.state,
    timestamps: work.timestamps,
    request,
    numAtoms,
    subjobs: work.total === null ? null : { done: work.done, total: work.total },
    job: build.job,
    atomsDone: counts.done + reported.size,
    atomsFailed: counts.failed + reportedFailed,
    atomsLost: counts.lost,
    atomsFlaky: counts.flaky,
    atomsCached: counts.cached,
    resultFacts,
    executors: busy,
    secondsLeft:
      work.state === 'BUILDING' && build.stopping === null
        ? secondsLeft({
            seconds: work.secondsAfter(reported.ended),
            executors: busy,
            settingUp,
            setupSeconds: work.setup.seconds,
          })
        : null,
    failedAtoms: [],
    flakyAtoms: [],
    interruptedAtoms: [],
    error: build.stopping?.message ?? null,
    revision: build.revision,
    affected: build.affected,
  });
}

/** Atoms that the view of an ended build names. */
interface NamedAtoms {
  readonly failed: readonly AtomView[];
  readonly flaky: readonly AtomView[];
  readonly interrupted: readonly AtomView[];
}

/** The view of a build that is not running, from its stored row and the job that the row contains. */
export function presentRow(row: BuildRow, job: NamedJob | null, atoms: NamedAtoms): Build {
  return present({
    id: toId.build(row.id),
    state: row.state,
    timestamps: readTimestamps(row.timestamps),
    request: readRequest(row.request),
    numAtoms: row.num_atoms,
    job,
    subjobs: row.num_subjobs === null ? null : { done: row.num_subjobs_done, total: row.num_subjobs },
    atomsDone: row.num_atoms_done,
    atomsFailed: row.num_atoms_failed,
    atomsLost: row.num_atoms_lost,
    atomsFlaky: row.num_atoms_flaky,
    atomsCached: row.num_atoms_cached,
    resultFacts: readFacts(row.facts),
    executors: 0,
    secondsLeft: isEnded(row.state) && row.num_subjobs !== null ? 0 : null,
    failedAtoms: atoms.failed,
    flakyAtoms: atoms.flaky,
    interruptedAtoms: atoms.interrupted,
    error: row.error_message,
    revision: row.revision === null ? null : readRevision(row.revision),
    affected: row.affected === null ? null : readAffected(row.affected),
  });
}

function present(facts: Facts): Build {
  const { id, state, subjobs } = facts;
  const given = facts.request.atoms_override;
  const result = resultOf(state, facts.atomsFailed);
  return {
    id,
    status: statusOf(result),
    state,
    state_timestamps: presentTimestamps(facts.timestamps),
    result,
    details: detailsOf(state, subjobs),
    num_atoms: facts.numAtoms,
    atom_variables: facts.job === null ? [] : variablesOf(facts.job.definition, given),
    num_subjobs: subjobs?.total ?? null,
    num_atoms_done: facts.atomsDone,
    num_atoms_failed: facts.atomsFailed,
    num_atoms_lost: facts.atomsLost,
    num_atoms_flaky: facts.atomsFlaky,
    num_atoms_cached: facts.atomsCached,
    num_executors: facts.executors,
    seconds_left: facts.secondsLeft,
    failed_atoms: result === null ? null : facts.failedAtoms.map(presentAtom),
    flaky_atoms: result === null ? null : facts.flakyAtoms.map(presentAtom),
    interrupted_atoms: result === null ? null : facts.interruptedAtoms.map(presentAtom),
    ...facts.resultFacts,
    artifacts: result === null ? null : `/v1/build/${id}/artifacts.tar.gz`,
    error_message: facts.error,
    revision: facts.revision ?? facts.request.revision ?? null,
    affected: facts.affected,
    request_params: maskRequest(facts.request),
  };
}

/** Clients of ClusterRunner 0.x read every state in lower case, with null for those not entered. */
function presentTimestamps(timestamps: StateTimestamps): Record<string, number | null> {
  const entered = Object.entries(timestamps).filter(([, second]) => second !== undefined);
  const all = buildState.map((state) => [state.toLowerCase(), timestamps[state] ?? null] as const);
  return Object.fromEntries([...entered, ...all]);
}
