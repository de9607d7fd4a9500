import type { Build } from '../../../protocol/build/build.js';
import { getJson } from '../../api/api-calls.js';
import { useLoaded } from '../../api/use-loaded.js';
import { DataTable, type TableColumn } from '../../parts/data-table.js';
import { durationText } from '../../parts/duration-text.js';
import { Empty, Loading, ProblemNotice } from '../../parts/notices.js';
import { usePageTitle } from '../../parts/page-title.js';
import { Status } from '../../parts/status.js';
import { lookOfBuild } from '../../parts/status-look.js';
import { now } from '../../parts/ticking-now.js';
import { Timestamp } from '../../parts/timestamp.js';
import { address, setQuery } from '../../router/location.js';

const SHOWN = 100;

/** The newest builds, newest first. */
async function loadBuilds(signal: AbortSignal): Promise<{ builds: Build[]; total: number }> {
  const { total } = await getJson('/v1/build', { params: {}, query: { limit: 1 }, signal });
  const offset = Math.max(0, total - SHOWN);
  const page = await getJson('/v1/build', { params: {}, query: { offset, limit: SHOWN }, signal });
  return { builds: page.builds.toReversed(), total };
}

export function BuildListPage() {
  usePageTitle('Builds');
  const { data, problem } = useLoaded('builds', loadBuilds, {
    isChangedBy: ({ tag }) => tag.startsWith('BUILD_') || tag === 'SUBJOB_DONE',
  });
  const text = address.value.searchParams.get('q') ?? '';
  return (
    <>
      <h1>Builds</h1>
      <p>
        <input
          type="search"
          aria-label="Job or requester"
          placeholder="Job or requester"
          value={text}
          onInput={({ currentTarget }) => setQuery({ q: currentTarget.value })}
        />
      </p>
      <ProblemNotice problem={problem} />
      {data === null ? (
        problem === null && <Loading />
      ) : (
        <BuildsTable builds={data.builds.filter((build) => hasText(build, text))} isFiltered={text !== ''} />
      )}
    </>
  );
}

function hasText({ request_params: { job_name, requested_by } }: Build, text: string): boolean {
  return `${job_name ?? ''} ${requested_by ?? ''}`.toLowerCase().includes(text.toLowerCase());
}

const columns: readonly TableColumn<Build>[] = [
  {
    label: 'Build',
    isNumber: true,
    cell: ({ id }) => (
      <a href={`/ui/build/${id}`} data-row>
        {id}
      </a>
    ),
  },
  { label: 'Status', cell: (build) => <Status look={lookOfBuild(build)} /> },
  { label: 'Job', cell: ({ request_params: { job_name } }) => <bdi>{job_name ?? ''}</bdi> },
  {
    label: 'Atoms',
    isNumber: true,
    isMinor: true,
    cell: ({ num_atoms_done, num_atoms }) => `${num_atoms_done}/${num_atoms ?? '?'}`,
  },
  { label: 'Duration', isNumber: true, cell: (build) => durationText(secondsOf(build)) },
  {
    label: 'Requested',
    isMinor: true,
    cell: ({ state_timestamps: { QUEUED } }) => <Timestamp at={QUEUED ?? null} />,
  },
];

/** Seconds from the request to the end, or until now. */
function secondsOf({ state_timestamps: times }: Build): number {
  const ended = times.FINISHED ?? times.CANCELED ?? times.ERROR ?? now.value;
  return ended - (times.QUEUED ?? ended);
}

function BuildsTable({
  builds,
  isFiltered,
}: {
  readonly builds: readonly Build[];
  readonly isFiltered: boolean;
}) {
  if (builds.length === 0 && isFiltered) {
    return <Empty title="No build has this text." />;
  }
  if (builds.length === 0) {
    return (
      <Empty title="No build yet.">
        <p>
          Start one in a project: <code>clusterrunner build</code>
        </p>
      </Empty>
    );
  }
  return <DataTable caption="Builds, newest first" columns={columns} rows={builds} keyOf={({ id }) => id} />;
}
