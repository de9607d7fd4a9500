import { durationText } from '../../../lib/text/duration-text.js';
import { masterCommand } from '../../../lib/text/master-command.js';
import type { Build } from '../../../protocol/build/build.js';
import type { JobId } from '../../../protocol/ids.js';
import { getJson } from '../../api/api-calls.js';
import { commandMaster } from '../../api/master-version.js';
import { usePagedRows } from '../../api/use-paged-rows.js';
import { ChoiceField, chosenValue } from '../../parts/controls/choice-field.js';
import { CommandLine } from '../../parts/controls/command-line.js';
import { SearchField } from '../../parts/controls/search-field.js';
import { Empty } from '../../parts/page/notices.js';
import { atomsText, progressShares, secondsOfBuild } from '../../parts/status/build-progress.js';
import { BuildSource } from '../../parts/status/build-source.js';
import { ProgressBar } from '../../parts/status/progress-bar.js';
import { Status } from '../../parts/status/status.js';
import { lookOfBuild } from '../../parts/status/status-look.js';
import type { TableColumn } from '../../parts/table/data-table.js';
import { PagedTable } from '../../parts/table/paged-table.js';
import { usePageTitle } from '../../parts/text/page-title.js';
import { now } from '../../parts/text/ticking-now.js';
import { Timestamp } from '../../parts/text/timestamp.js';
import { address } from '../../router/location.js';
import { idOf, pathTo } from '../../router/page-paths.js';

const statuses = [
  { value: '', label: 'All builds' },
  { value: 'BUILDING', label: 'Not ended' },
  { value: 'FAILURE', label: 'Failed' },
  { value: 'SUCCESS', label: 'Passed' },
  { value: 'CANCELED', label: 'Canceled' },
  { value: 'ERROR', label: 'With an error' },
] as const;

/** A build in a list names up to a hundred failed atoms. */
const ROWS_OF_PAGE = 50;

/** All builds, newest first. */
export function BuildListPage() {
  usePageTitle('Builds');
  const text = address.value.searchParams.get('q') ?? '';
  const status = chosenValue('status', statuses) ?? '';
  const job = idOf<JobId>(address.value.searchParams.get('job'));
  const rows = usePagedRows(
    `builds ${status} ${job} ${text}`,
    async (page, signal) => {
      const query = {
        ...page,
        order: 'newest',
        ...(status === '' ? {} : { status }),
        ...(text === '' ? {} : { q: text }),
        ...(job === null ? {} : { job }),
      } as const;
      const { builds, total } = await getJson('/v1/build', { params: {}, query, signal });
      return { rows: builds, total };
    },
    ({ tag }) => tag.startsWith('BUILD_') || tag === 'SUBJOB_DONE',
    ROWS_OF_PAGE,
  );
  const isFiltered = text !== '' || status !== '' || job !== null;
  return (
    <>
      <div class="title">
        <h1>Builds</h1>
        <div class="filters">
          <SearchField label="Branch, commit, author, job, project" name="q" />
          <ChoiceField label="Status" name="status" choices={statuses} />
          {job !== null && (
            <span>
              of{' '}
              <a href={pathTo({ page: 'job', jobId: job })}>
                {rows.row(0)?.request_params.job_name ?? 'one job'}
              </a>{' '}
              <a href="/ui/builds">all jobs</a>
            </span>
          )}
        </div>
      </div>
      <PagedTable caption="Builds, newest first" columns={columns} rows={rows} keyOf={({ id }) => id}>
        <NoBuilds isFiltered={isFiltered} />
      </PagedTable>
    </>
  );
}

function NoBuilds({ isFiltered }: { readonly isFiltered: boolean }) {
  return isFiltered ? (
    <Empty title="No build matches.">
      <p>
        <a href="/ui/builds">Show all builds</a>
      </p>
    </Empty>
  ) : (
    <Empty title="There are no builds yet.">
      <p>Start one in the folder of a project:</p>
      <CommandLine command={masterCommand('build', commandMaster())} />
    </Empty>
  );
}

const columns: readonly (TableColumn<Build> & { readonly width?: string })[] = [
  { label: 'Status', width: 'var(--status-width)', cell: (build) => <Status look={lookOfBuild(build)} /> },
  {
    label: 'Build and job',
    cell: ({ id, job_id: jobId, request_params: { job_name } }) => {
      const name = <bdi>{job_name ?? ''}</bdi>;
      return (
        <>
          <a href={`/ui/build/${id}`} data-row>
            {id}
          </a>{' '}
          {jobId == null ? name : <a href={pathTo({ page: 'job', jobId })}>{name}</a>}
        </>
      );
    },
  },
  { label: 'Source', isMinor: true, cell: (build) => <BuildSource build={build} /> },
  {
    label: 'By',
    width: '7rem',
    isMinor: true,
    cell: ({ request_params: { requested_by } }) => <bdi>{requested_by ?? ''}</bdi>,
  },
  {
    label: 'Atoms',
    width: '13rem',
    isMinor: true,
    cell: (build) =>
      build.status === 'BUILDING' && build.num_atoms !== null ? (
        <ProgressBar shares={progressShares(build)} text={atomsText(build)} />
      ) : (
        <span class="quiet">{build.num_atoms === null ? '' : atomsText(build)}</span>
      ),
  },
  {
    label: 'Duration',
    width: '7rem',
    isNumber: true,
    cell: (build) => durationText(secondsOfBuild(build, now.value)),
  },
  {
    label: 'Requested',
    width: '7rem',
    isNumber: true,
    isMinor: true,
    cell: ({ state_timestamps: { QUEUED } }) => <Timestamp at={QUEUED ?? null} />,
  },
];
