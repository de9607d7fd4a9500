import type { MasterClient } from '../../client/master-client.js';
import { parseNumber, printJson, withClient } from '../client-command.js';
import { findJobOfUser } from '../history/find-job.js';
import { BUILDS_IN_TREND, jobBuildsTable, jobsTable, jobText, trendText } from '../history/history-tables.js';
import { DEFAULT_ROWS, type HistoryOptions, moreText, NO_HISTORY } from '../history/list-atoms.js';

/** `clusterrunner history [JOB]`: the builds of a job, also deleted ones, newest last as in a log; without JOB, all jobs. */
export async function history(wanted: string | undefined, options: HistoryOptions): Promise<void> {
  const limit = parseNumber(options.limit ?? String(DEFAULT_ROWS), 'rows to show', 1);
  await withClient('history', options, (client) =>
    wanted === undefined ? showJobs(client, limit, options) : showJob(client, wanted, limit, options),
  );
}

async function showJobs(client: MasterClient, limit: number, { json }: HistoryOptions): Promise<void> {
  const { jobs, total } = await client.listJobs({ limit });
  if (json) {
    printJson({ jobs, total });
  } else if (jobs.length === 0) {
    process.stdout.write(NO_HISTORY);
  } else {
    process.stdout.write(`${jobsTable(jobs)}\n${moreText(total - jobs.length)}`);
  }
}

async function showJob(
  client: MasterClient,
  wanted: string,
  limit: number,
  { json }: HistoryOptions,
): Promise<void> {
  const job = await findJobOfUser(client, wanted);
  if (json) {
    const { builds, total } =
      job === null ? { builds: [], total: 0 } : await client.listJobBuilds(job.id, { limit });
    printJson({ job, builds, total });
    return;
  }
  if (job === null) {
    process.stdout.write(NO_HISTORY);
    return;
  }
  // The trend needs more builds than the table shows.
  const { builds, total } = await client.listJobBuilds(job.id, { limit: Math.max(limit, BUILDS_IN_TREND) });
  const shown = builds.slice(0, limit).reverse();
  const trend = trendText(builds);
  const blocks = [jobText(job), ...(trend === '' ? [] : [trend]), jobBuildsTable(shown)];
  process.stdout.write(`${blocks.join('\n\n')}\n${moreText(total - shown.length)}`);
}
