import type { Task } from '../../domain/lease.js';
import { passKey } from '../../domain/pass-key.js';
import { type CacheDecision, decideFromRecord } from '../../domain/recorded-pass.js';
import { projectKey } from '../../job/build-request.js';
import { boundedName, historyName } from '../../job/history-name.js';
import { atomDigest, jobDigest, passScopes } from '../../job/pass-digests.js';
import { type NotCached, notCached } from '../../protocol/build/cached-atom.js';
import { cachedInputs } from '../../protocol/build/job-inputs.js';
import type { ListedAtom, Prepared, ResultReport } from '../../protocol/slave/slave-messages.js';
import type { ActiveBuild } from '../state/active-build.js';
import type { SubjobLease } from '../state/active-lease.js';
import type { MasterState } from '../state/master-state.js';
import type { CacheFacts, LeasedAtom } from '../store/atoms.js';
import type { Write } from '../store/engine/write.js';
import { flakyAmong, readRecordedRuns, recordRuns } from '../store/recorded-passes.js';

const reasons: ReadonlySet<string> = new Set(notCached);

function isReason(text: string): text is NotCached {
  return reasons.has(text);
}

/** The decision of the record about each atom of a build that was prepared; null when its job caches no atoms. */
export async function cacheFactsOf(
  master: MasterState,
  { project, request }: ActiveBuild,
  { job, atoms, inputs }: Prepared,
): Promise<CacheFacts[] | null> {
  if (cachedInputs(job.definition) === null) {
    return null;
  }
  const scopes = passScopes(project, job.name);
  const everywhere: NotCached | null =
    inputs === undefined
      ? 'OLD_SLAVE'
      : project.type === 'directory'
        ? 'FOLDER'
        : scopes === null
          ? 'NO_ORIGIN'
          : null;
  if (inputs === undefined || scopes === null || everywhere !== null) {
    return atoms.map((_, id) => ({ id, key: null, decision: { reason: everywhere ?? 'NO_ORIGIN' } }));
  }
  const digest = jobDigest(job.definition);
  const { surroundings } = inputs;
  const decide = await decisionsOf(
    master,
    scopes.read,
    { project: projectKey(project), job: job.name },
    atoms,
  );
  return atoms.map((atom, id) => {
    const found = inputs.atoms[id] ?? 'NO_INPUT';
    if (isReason(found)) {
      return { id, key: null, decision: { reason: found } };
    }
    const key = passKey({ job: digest, surroundings, inputs: atomDigest(atom, found) });
    return { id, key, decision: request.cache === false ? { reason: 'NO_CACHE' } : decide(id, key) };
  });
}

async function decisionsOf(
  { store, now, passesKeptMs }: MasterState,
  scopes: readonly string[],
  history: { readonly project: string; readonly job: string },
  atoms: readonly ListedAtom[],
): Promise<(atom: number, key: string) => CacheDecision> {
  const names = atoms.map(({ variable, value }) => historyName(variable, value));
  const known = await readRecordedRuns(store.db, scopes, names);
  const flaky = await flakyAmong(store.db, boundedName(history.project), boundedName(history.job), names);
  return (atom, key) =>
    decideFromRecord(key, known[atom] ?? [], {
      now,
      keptMs: passesKeptMs,
      isFlaky: flaky.has(names[atom] ?? ''),
    });
}

/**
 * Notes the verdicts of a result for later builds; see recordRuns for its place in the transaction. With a subjob that a slave was
 * lost with, passes are not recorded: its atoms may be to blame.
 */
export function writesOfRuns(
  { build, subjob }: SubjobLease,
  { losses }: Pick<Task, 'losses'>,
  report: ResultReport,
  leased: readonly LeasedAtom[],
  now: number,
): Write[] {
  const { job, project, surroundings } = build;
  const scopes = job === null || surroundings === null ? null : passScopes(project, job.name);
  if (scopes === null) {
    return [];
  }
  const ended = new Set<number>(report.atoms.map(({ id }) => id));
  const names = leased
    .filter(({ id }) => ended.has(id))
    .map(({ id, variable, value }) => ({ id, name: historyName(variable, value) }));
  const withPasses = report.surroundings === surroundings && losses.length === 0;
  return [recordRuns({ scope: scopes.own, build: build.id, subjob }, names, withPasses, now)];
}
