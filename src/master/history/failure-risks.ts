import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { failureRisk, riskWhenAffected } from '../../domain/scheduling/failure-risk.js';
import { projectKey } from '../../job/build-request.js';
import { boundedName, historyName } from '../../job/history-name.js';
import type { BuildRequest } from '../../protocol/build/build.js';
import type { NamedJob } from '../../protocol/build/job.js';
import type { Project } from '../../protocol/build/project.js';
import type { ListedAtom } from '../../protocol/slave/slave-messages.js';
import type { Reader } from '../store/engine/engine.js';
import { troubleOf } from '../store/history/atom-histories.js';
import { findJobNamed } from '../store/history/jobs.js';

/** So many atoms are looked up in one query; the event loop runs between queries. */
const CHUNK = 2_000;

/** A build whose job is known. */
export interface BuildOfJob {
  readonly project: Project;
  readonly job: NamedJob;
  readonly request: BuildRequest;
}

/**
 * How likely each atom is to fail, in the order of `atoms`; null where the build has the usual order, or nothing
 * distinguishes its atoms. `isAffected` tells of the atom at a place whether changed files affect it.
 */
export async function failureRisks(
  db: Reader,
  { project, job, request }: BuildOfJob,
  atoms: readonly ListedAtom[],
  isAffected: (place: number) => boolean,
): Promise<number[] | null> {
  if ((request.order ?? job.definition.order) !== 'likely_failures') {
    return null;
  }
  const known = await findJobNamed(db, boundedName(projectKey(project)), boundedName(job.name));
  const hasHistory = known !== undefined && known.num_atoms > 0;
  if (!hasHistory && !atoms.some((_, place) => isAffected(place))) {
    return null;
  }
  const risks: number[] = [];
  for (let at = 0; at < atoms.length; at += CHUNK) {
    const some = atoms.slice(at, at + CHUNK);
    const names = some.map(({ variable, value }) => historyName(variable, value));
    const trouble = hasHistory ? await troubleOf(db, known.id, names) : null;
    for (const place of some.keys()) {
      const risk = trouble === null ? 0 : failureRisk(trouble.get(place) ?? null);
      risks.push(isAffected(at + place) ? riskWhenAffected(risk) : risk);
    }
    await yieldToEventLoop();
  }
  return risks;
}
