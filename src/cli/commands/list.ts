import type { MasterClient } from '../../client/master-client.js';
import { durationText } from '../../lib/text/duration-text.js';
import type { Build } from '../../protocol/build/build.js';
import { parseNumber, printJson, type ReaderOptions, withClient } from '../client-command.js';
import { localMoment } from '../text/local-moment.js';
import { resultText } from '../text/result-text.js';
import { SHORT_COMMIT, shortCommit } from '../text/revision-text.js';
import { table } from '../text/table.js';

export interface ListOptions extends ReaderOptions {
  readonly limit?: string;
}

const DEFAULT_LIMIT = 20;

/** `clusterrunner listBuilds`: the newest builds, newest last as in a log. */
export async function listBuilds(options: ListOptions): Promise<void> {
  const limit = options.limit === undefined ? DEFAULT_LIMIT : parseNumber(options.limit, 'builds to show', 1);
  const { builds, total } = await withClient('listBuilds', options, (client) => newestBuilds(client, limit));
  if (options.json) {
    printJson({ builds, total });
    return;
  }
  if (builds.length === 0) {
    process.stdout.write('The master has no builds yet.\n');
    return;
  }
  process.stdout.write(`${buildTable(builds, Date.now() / 1000)}\n`);
  if (total > builds.length) {
    process.stdout.write(`${total - builds.length} older ones are not shown; --limit shows more.\n`);
  }
}

async function newestBuilds(
  client: MasterClient,
  limit: number,
): Promise<{ builds: Build[]; total: number }> {
  const { total } = await client.listBuilds({ offset: 0, limit: 1 });
  return client.listBuilds({ offset: Math.max(0, total - limit), limit });
}

/** `now` in seconds since the epoch; times are local unless a time zone is given. */
export function buildTable(builds: readonly Build[], now: number, timeZone?: string): string {
  return table([
    [
      'BUILD',
      'STATE',
      'RESULT',
      'ATOMS',
      'FAILED',
      'CREATED',
      'TOOK',
      'BRANCH',
      'COMMIT',
      'BY',
      'JOB',
      'PROJECT',
    ],
    ...builds.map((build) => [
      String(build.id),
      build.state,
      resultText(build) ?? '-',
      build.num_atoms === null ? '-' : `${build.num_atoms_done}/${build.num_atoms}`,
      String(build.num_atoms_failed),
      localMoment(build.state_timestamps.QUEUED, timeZone),
      durationText(took(build, now)),
      build.revision?.branch ?? build.request_params.branch ?? '-',
      commitOf(build),
      build.request_params.requested_by ?? '-',
      build.request_params.job_name ?? '-',
      build.request_params.url ?? build.request_params.project_directory ?? '-',
    ]),
  ]);
}

function commitOf({ revision, request_params: { hash } }: Build): string {
  return revision === null ? (hash?.slice(0, SHORT_COMMIT) ?? '-') : shortCommit(revision);
}

function took({ state_timestamps: times }: Build, now: number): number {
  const end = times.FINISHED ?? times.CANCELED ?? times.ERROR ?? now;
  return Math.max(0, end - (times.QUEUED ?? end));
}
