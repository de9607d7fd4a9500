import { durationText } from '../../../lib/text/duration-text.js';
import { percentText } from '../../../lib/text/percent-text.js';
import type { HistoryOrder, JobAtom, JobTrend } from '../../../protocol/build/history.js';
import { getJson } from '../../api/api-calls.js';
import { usePagedRows } from '../../api/use-paged-rows.js';
import { SearchField } from '../../parts/controls/search-field.js';
import { Empty } from '../../parts/page/notices.js';
import { lookOfRun } from '../../parts/status/run-look.js';
import { Status } from '../../parts/status/status.js';
import { VerdictStrip } from '../../parts/status/verdict-strip.js';
import type { TableColumn } from '../../parts/table/data-table.js';
import { PagedTable } from '../../parts/table/paged-table.js';
import { countText } from '../../parts/text/count-text.js';
import { historyLabel } from '../../parts/text/history-label.js';
import { Timestamp } from '../../parts/text/timestamp.js';
import { address } from '../../router/location.js';
import { pathTo } from '../../router/page-paths.js';

interface JobAtomsProps {
  readonly job: JobTrend;
  readonly order: HistoryOrder;
  /** Said when there are none. */
  readonly none: string;
}

/** The atoms of a job in one of their orders. */
export function JobAtomsPart({ job, order, none }: JobAtomsProps) {
  const q = address.value.searchParams.get('q') ?? '';
  const { id: jobId } = job;
  const rows = usePagedRows(
    `atoms of job ${jobId} ${order} ${q}`,
    async (page, signal) => {
      const query = { ...page, sort: order, ...(q === '' ? {} : { q }) };
      const { atoms, total } = await getJson('/v1/job/:jobId/atom', { params: { jobId }, query, signal });
      return { rows: atoms, total };
    },
    ({ tag }) => tag.startsWith('BUILD_'),
  );
  return (
    <>
      <div class="filters">
        <SearchField label="Name of the atom" name="q" />
        <span class="quiet" role="status">
          {rows.total !== null && countText(rows.total, 'atom')}
        </span>
      </div>
      <PagedTable
        caption="Atoms"
        columns={[...firstColumns(job), ...columnsByOrder[order]]}
        rows={rows}
        keyOf={({ name }) => name}
      >
        <Empty title={q === '' ? none : 'No atom of this list matches.'} />
      </PagedTable>
    </>
  );
}

/** So many of the newest fit into their column. */
const RUNS = 30;

type Column = TableColumn<JobAtom> & { readonly width?: string };

function firstColumns({ id: jobId, atom_variables: variables }: JobTrend): readonly Column[] {
  return [
    {
      label: 'Last run',
      width: '6.5rem',
      isMinor: true,
      cell: ({ last }) => {
        const run = last.at(-1);
        const status = run === undefined ? '' : <Status look={lookOfRun(run)} />;
        return run?.retained === true ? (
          <a
            href={pathTo({ page: 'atom', buildId: run.build_id, atomId: run.atom_id })}
            title={`In build ${run.build_id}`}
          >
            {status}
          </a>
        ) : (
          status
        );
      },
    },
    {
      label: 'Atom',
      cell: ({ name }) => {
        const label = historyLabel(name, variables);
        return (
          <a
            href={`${pathTo({ page: 'job', jobId })}?atom=${encodeURIComponent(name)}`}
            data-row
            title={label}
          >
            <bdi>{label}</bdi>
          </a>
        );
      },
    },
    {
      label: 'Newest runs',
      width: '10rem',
      isMinor: true,
      cell: ({ last }) => <VerdictStrip runs={last.slice(-RUNS)} />,
    },
  ];
}

const since: Column = {
  label: 'Fails since',
  width: '12rem',
  isMinor: true,
  cell: ({ failing_since: moment }) =>
    moment !== null && (
      <>
        build {moment.build_id}, <Timestamp at={moment.at} />
      </>
    ),
};
const flakiness: Column = {
  label: 'Flakiness',
  width: '6rem',
  isNumber: true,
  cell: (atom) => percentText(atom.flakiness),
};
const failed: Column = {
  label: 'Failed',
  width: '6.5rem',
  isNumber: true,
  isMinor: true,
  cell: ({ failures, runs }) => `${failures} of ${runs}`,
};
const median = secondsColumn('Median', ({ p50_seconds }) => p50_seconds, false);
const within = secondsColumn('95 % within', ({ p95_seconds }) => p95_seconds, true);
const lost = secondsColumn('Retries', ({ recent_retry_seconds }) => recent_retry_seconds, false);
const failing: readonly Column[] = [
  since,
  {
    label: 'Passed last',
    width: '7rem',
    isMinor: true,
    cell: ({ last_passed: build }) => (build === null ? 'never' : `build ${build}`),
  },
];

const columnsByOrder: Readonly<Record<HistoryOrder, readonly Column[]>> = {
  newly_failing: failing,
  failing,
  flaky: [flakiness, failed],
  slowest: [median, within],
  retry_seconds: [lost, failed],
  name: [flakiness, failed, median],
};

function secondsColumn(label: string, of: (atom: JobAtom) => number | null, isMinor: boolean): Column {
  return {
    label,
    width: '6rem',
    isNumber: true,
    isMinor,
    cell: (atom) => {
      const seconds = of(atom);
      return seconds === null ? '' : durationText(seconds);
    },
  };
}
