import { durationText } from '../../../lib/text/duration-text.js';
import type { JobBuild } from '../../../protocol/build/history.js';
import type { JobId } from '../../../protocol/ids.js';
import { getJson } from '../../api/api-calls.js';
import { usePagedRows } from '../../api/use-paged-rows.js';
import { Empty } from '../../parts/page/notices.js';
import { Status } from '../../parts/status/status.js';
import { lookOfBuild } from '../../parts/status/status-look.js';
import type { TableColumn } from '../../parts/table/data-table.js';
import { PagedTable } from '../../parts/table/paged-table.js';
import { Timestamp } from '../../parts/text/timestamp.js';

/** The ended builds of a job, newest first, also deleted ones. */
export function JobBuildsPart({ jobId, none }: { readonly jobId: JobId; readonly none: string }) {
  const rows = usePagedRows(
    `builds of job ${jobId}`,
    async (page, signal) => {
      const { builds, total } = await getJson('/v1/job/:jobId/build', {
        params: { jobId },
        query: page,
        signal,
      });
      return { rows: builds, total };
    },
    ({ tag }) => tag.startsWith('BUILD_'),
  );
  return (
    <PagedTable
      caption="Builds, newest first"
      columns={columns}
      rows={rows}
      keyOf={({ build_id }) => build_id}
    >
      <Empty title={none} />
    </PagedTable>
  );
}

const columns: readonly (TableColumn<JobBuild> & { readonly width?: string })[] = [
  { label: 'Status', width: 'var(--status-width)', cell: (build) => <Status look={lookOfBuild(build)} /> },
  {
    label: 'Build',
    cell: ({ build_id: id, retained, is_partial, subject }) => (
      <>
        {retained ? (
          <a href={`/ui/build/${id}`} data-row>
            {id}
          </a>
        ) : (
          `${id} (deleted)`
        )}
        {is_partial && ' partial'} <bdi class="quiet">{subject ?? ''}</bdi>
      </>
    ),
  },
  { label: 'Branch', width: '10rem', isMinor: true, cell: ({ branch }) => <bdi>{branch ?? ''}</bdi> },
  numberColumn('Failed', ({ num_atoms_failed: failed }) => (failed === 0 ? '' : failed)),
  numberColumn('Flaky', ({ num_atoms_flaky: flaky }) => (flaky === 0 ? '' : flaky)),
  numberColumn('Retries', ({ retry_seconds: lost }) => (lost === 0 ? '' : durationText(lost))),
  {
    label: 'Duration',
    width: '7rem',
    isNumber: true,
    cell: ({ seconds }) => (seconds === null ? '' : durationText(seconds)),
  },
  {
    label: 'Ended',
    width: '7rem',
    isNumber: true,
    isMinor: true,
    cell: ({ ended_at }) => <Timestamp at={ended_at} />,
  },
];

function numberColumn(label: string, cell: (build: JobBuild) => string | number) {
  return { label, width: '5.5rem', isNumber: true, isMinor: true, cell };
}
