import { durationText } from '../../../lib/text/duration-text.js';
import { masterCommand } from '../../../lib/text/master-command.js';
import { passRateText } from '../../../lib/text/pass-rate-text.js';
import type { Job } from '../../../protocol/build/history.js';
import { getJson } from '../../api/api-calls.js';
import { commandMaster } from '../../api/master-version.js';
import { usePagedRows } from '../../api/use-paged-rows.js';
import { CommandLine } from '../../parts/controls/command-line.js';
import { SearchField } from '../../parts/controls/search-field.js';
import { Empty } from '../../parts/page/notices.js';
import { Status } from '../../parts/status/status.js';
import { lookOfBuild } from '../../parts/status/status-look.js';
import type { TableColumn } from '../../parts/table/data-table.js';
import { PagedTable } from '../../parts/table/paged-table.js';
import { usePageTitle } from '../../parts/text/page-title.js';
import { Timestamp } from '../../parts/text/timestamp.js';
import { address } from '../../router/location.js';
import { pathTo } from '../../router/page-paths.js';

/** All jobs of which builds are known. */
export function JobsPage() {
  usePageTitle('Jobs');
  const q = address.value.searchParams.get('q') ?? '';
  const rows = usePagedRows(
    `jobs ${q}`,
    async (page, signal) => {
      const query = { ...page, ...(q === '' ? {} : { q }) };
      const { jobs, total } = await getJson('/v1/job', { params: {}, query, signal });
      return { rows: jobs, total };
    },
    ({ tag }) => tag.startsWith('BUILD_'),
  );
  return (
    <>
      <div class="title">
        <h1>Jobs</h1>
        <div class="filters">
          <SearchField label="Job or project" name="q" />
        </div>
      </div>
      <PagedTable caption="Jobs, latest first" columns={columns} rows={rows} keyOf={({ id }) => id}>
        <NoJobs isFiltered={q !== ''} />
      </PagedTable>
    </>
  );
}

function NoJobs({ isFiltered }: { readonly isFiltered: boolean }) {
  return isFiltered ? (
    <Empty title="No job matches.">
      <p>
        <a href="/ui/jobs">Show all jobs</a>
      </p>
    </Empty>
  ) : (
    <Empty title="There is no history yet.">
      <p>A job is here when its first build has ended:</p>
      <CommandLine command={masterCommand('build', commandMaster())} />
      <p>
        The master keeps it for as long as <code>history_kept_days</code> says, also when builds are deleted.
      </p>
    </Empty>
  );
}

const columns: readonly (TableColumn<Job> & { readonly width?: string })[] = [
  {
    label: 'Last build',
    width: 'var(--status-width)',
    cell: ({ last_build: last }) => last !== null && <Status look={lookOfBuild(last)} />,
  },
  {
    label: 'Job',
    cell: ({ id, name, project }) => (
      <>
        <a href={pathTo({ page: 'job', jobId: id })} data-row>
          <bdi>{name}</bdi>
        </a>{' '}
        <bdi class="quiet">{project}</bdi>
      </>
    ),
  },
  {
    label: 'Passed',
    width: '5rem',
    isNumber: true,
    cell: (job) => passRateText(job) ?? '',
  },
  {
    label: 'Duration',
    width: '6rem',
    isNumber: true,
    isMinor: true,
    cell: ({ last_build: last }) =>
      last === null || last.seconds === null ? '' : durationText(last.seconds),
  },
  {
    label: 'Median',
    width: '6rem',
    isNumber: true,
    isMinor: true,
    cell: ({ p50_seconds: p50 }) => (p50 === null ? '' : durationText(p50)),
  },
  {
    label: 'Builds',
    width: '5rem',
    isNumber: true,
    isMinor: true,
    cell: ({ num_builds: count }) => count.toLocaleString('en-US'),
  },
  {
    label: 'Latest',
    width: '7rem',
    isNumber: true,
    isMinor: true,
    cell: ({ last_build: last }) =>
      last !== null &&
      (last.retained ? (
        <a href={`/ui/build/${last.build_id}`} title={`Build ${last.build_id}`}>
          <Timestamp at={last.ended_at} />
        </a>
      ) : (
        <Timestamp at={last.ended_at} />
      )),
  },
];
