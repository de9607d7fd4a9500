import { useState } from 'preact/hooks';
import { durationText } from '../../../lib/text/duration-text.js';
import { masterCommand } from '../../../lib/text/master-command.js';
import type { Build } from '../../../protocol/build/build.js';
import type { QueueWait } from '../../../protocol/build/explanation.js';
import { getJson } from '../../api/api-calls.js';
import { commandMaster, masterVersion } from '../../api/master-version.js';
import { useLoaded } from '../../api/use-loaded.js';
import { CommandLine } from '../../parts/controls/command-line.js';
import { Empty, Loading, ProblemNotice } from '../../parts/page/notices.js';
import { atomsText, progressShares, secondsOfBuild } from '../../parts/status/build-progress.js';
import { BuildSource } from '../../parts/status/build-source.js';
import { ProgressBar } from '../../parts/status/progress-bar.js';
import { ReasonText } from '../../parts/status/reason-text.js';
import { Status } from '../../parts/status/status.js';
import { lookOfBuild } from '../../parts/status/status-look.js';
import { DataTable, type TableColumn } from '../../parts/table/data-table.js';
import { usePageTitle } from '../../parts/text/page-title.js';
import { now } from '../../parts/text/ticking-now.js';
import { pathTo } from '../../router/page-paths.js';

interface QueuedBuild {
  readonly build: Build;
  readonly wait: QueueWait['builds'][number] | undefined;
  /** Executors of all connected slaves. */
  readonly executors: number;
}

const PAGE = 50;
/** The most that the API returns at once. */
const MOST = 1000;
/** Executors and reasons change without an event. */
const EVERY_MS = 3_000;

/** The builds that have not ended, in the order in which they get executors, and why they wait. */
export function QueuePage() {
  usePageTitle('Queue');
  const [limit, setLimit] = useState(PAGE);
  const { data, problem } = useLoaded(
    `queue ${limit}`,
    (signal) => getJson('/v1/queue', { params: {}, query: { order: 'next', limit }, signal }),
    {
      isChangedBy: ({ tag }) => tag.startsWith('BUILD_') || tag.startsWith('SLAVE_'),
      everyMs: () => EVERY_MS,
    },
  );
  const { waiting } = data ?? {};
  const rows = data?.builds.map((build, index) => ({
    build,
    wait: waiting?.builds[index],
    executors: waiting?.num_executors ?? 0,
  }));
  return (
    <>
      <div class="title">
        <h1>Queue</h1>
        {waiting !== undefined && (
          <p role="status">
            <a href="/ui/fleet">
              {waiting.num_executors_busy} of {waiting.num_executors} executors
            </a>{' '}
            work
            {(waiting.num_executors_closed ?? 0) > 0 && `, ${waiting.num_executors_closed} take no new work`}
          </p>
        )}
      </div>
      <ProblemNotice problem={problem} />
      {data === null && problem === null && <Loading />}
      {rows?.length === 0 && <NothingQueued />}
      {rows !== undefined && rows.length > 0 && (
        <DataTable
          caption="Builds that have not ended, the next to get executors first"
          columns={columns}
          rows={rows}
          keyOf={({ build: { id } }) => id}
        />
      )}
      {data !== null && data.total > data.builds.length && (
        <p>
          {(data.total - data.builds.length).toLocaleString('en-US')} more wait.{' '}
          {limit < MOST && (
            <button type="button" onClick={() => setLimit(Math.min(MOST, 2 * limit))}>
              Show more
            </button>
          )}
        </p>
      )}
    </>
  );
}

function NothingQueued() {
  return masterVersion.value?.past_builds === true ? (
    <Empty title="These are past builds, and no master runs here." />
  ) : (
    <Empty title="Nothing runs, and nothing waits.">
      <p>Start a build in the folder of a project:</p>
      <CommandLine command={masterCommand('build', commandMaster())} />
      <p>
        <a href="/ui/builds">Builds that have ended</a>
      </p>
    </Empty>
  );
}

const columns: readonly TableColumn<QueuedBuild>[] = [
  { label: 'Next', isNumber: true, cell: ({ wait }) => wait?.place ?? <span class="quiet">–</span> },
  { label: 'Status', isMinor: true, cell: ({ build }) => <Status look={lookOfBuild(build)} /> },
  {
    label: 'Build',
    cell: ({ build }) => (
      <div class="queued">
        <a href={pathTo({ page: 'build', buildId: build.id, tab: 'overview' })} data-row>
          {build.id} <bdi>{build.request_params.job_name ?? ''}</bdi>
        </a>
        <div class="minor">
          <BuildSource build={build} />
        </div>
      </div>
    ),
  },
  {
    label: 'Why it has not ended',
    cell: ({ build, wait }) => (
      <div class="queued">
        {wait?.reasons.map(({ reason, text }) => (
          <div key={reason}>
            <ReasonText text={text} />
          </div>
        )) ?? build.details}
      </div>
    ),
  },
  {
    label: 'Priority',
    isNumber: true,
    isMinor: true,
    cell: ({ build }) => build.request_params.priority ?? 0,
  },
  {
    label: 'Executors',
    isNumber: true,
    isMinor: true,
    cell: ({ build: { num_executors: number }, executors }) =>
      executors === 0 || number === 0 ? number : `${number} (${Math.round((100 * number) / executors)} %)`,
  },
  {
    label: 'Atoms',
    isMinor: true,
    cell: ({ build }) =>
      build.num_atoms === null ? (
        ''
      ) : (
        <>
          {atomsText(build)}
          <ProgressBar shares={progressShares(build)} text={atomsText(build)} />
        </>
      ),
  },
  { label: 'Age', isNumber: true, cell: ({ build }) => durationText(secondsOfBuild(build, now.value)) },
];
