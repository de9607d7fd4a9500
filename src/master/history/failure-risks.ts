import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { failureRisk } from '../../domain/scheduling/failure-risk.js';
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
 * How likely each atom is to fail, in the order of `atoms`; null where the build has the usual order, or its job has no
 * history, so that the risk determines nothing.
 */
export async function failureRisks(
  db: Reader,
  { project, job, request }: BuildOfJob,
  atoms: readonly ListedAtom[],
): Promise<number[] | null> {
  if ((request.order ?? job.definition.order) !== 'likely_failures') {
    return null;
  }
  const known = await findJobNamed(db, boundedName(projectKey(project)), boundedName(job.name));
  if (known === undefined || known.num_atoms === 0) {
    return null;
  }
  const risks: number[] = [];
  for (let at = 0; at < atoms.length; at += CHUNK) {
    const some = atoms.slice(at, at + CHUNK);
    const trouble = await troubleOf(
      db,
      known.id,
      some.map(({ variable, value }) => historyName(variable, value)),
    );
    for (const place of some.keys()) {
      risks.push(failureRisk(trouble.get(place) ?? null));
    }
    await yieldToEventLoop();
  }
  return risks;
}
