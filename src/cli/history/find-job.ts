import type { MasterClient } from '../../client/master-client.js';
import { cleanLine } from '../../lib/text/strip-control-chars.js';
import type { Job } from '../../protocol/build/history.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { namesLike } from '../text/suggestions.js';

/** The most that the master sends at once; more jobs than that are found by a part of their name. */
const JOBS = 1000;
const MAX_NAMED = 5;

/**
 * The job with this name or number; without one, the only job that there is.
 * @returns null when the history has no jobs at all
 * @throws ClusterRunnerError USAGE when there is no such job, or several
 */
export async function findJobOfUser(client: MasterClient, wanted: string | undefined): Promise<Job | null> {
  const { jobs, total } = await client.listJobs({ limit: JOBS });
  if (total === 0) {
    return null;
  }
  if (wanted === undefined) {
    return onlyJob(jobs, `There are ${total} jobs; name one of them`);
  }
  const similar = total > jobs.length ? (await client.listJobs({ q: wanted, limit: JOBS })).jobs : [];
  const named = chosenJobs(wanted, [...similar, ...jobs]);
  if (named.length === 0) {
    throw new ClusterRunnerError('USAGE', unknownJobMessage(wanted, jobs));
  }
  return onlyJob(named, `Several projects have a job "${wanted}"; give the number of one`);
}

/** The jobs with this name, or else the one with this number. `jobs` may contain one twice. */
export function chosenJobs(wanted: string, jobs: readonly Job[]): Job[] {
  const byId = new Map(jobs.map((job) => [String(job.id), job]));
  const named = [...byId.values()].filter(({ name }) => name === wanted);
  const numbered = byId.get(wanted);
  return named.length === 0 && numbered !== undefined ? [numbered] : named;
}

export function unknownJobMessage(wanted: string, jobs: readonly Pick<Job, 'name'>[]): string {
  const similar = namesLike(
    wanted,
    jobs.map(({ name }) => name),
  );
  const advice =
    similar.length === 0
      ? '`clusterrunner history` lists its jobs.'
      : `did you mean ${similar.map((name) => `"${cleanLine(name)}"`).join(' or ')}?`;
  return `The history has no job "${wanted}"; ${advice}`;
}

function onlyJob(jobs: readonly Job[], problem: string): Job {
  const [job, ...others] = jobs;
  if (job === undefined || others.length > 0) {
    const named = jobs
      .slice(0, MAX_NAMED)
      .map((one) => cleanLine(`${one.id} ("${one.name}" of ${one.project})`));
    const more = jobs.length > named.length ? ' and more' : '';
    throw new ClusterRunnerError('USAGE', `${problem}: ${named.join(', ')}${more}.`);
  }
  return job;
}
