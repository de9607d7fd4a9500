import type { Build } from '../../../protocol/build/build.js';
import { getJson } from '../../api/api-calls.js';
import { useLoaded } from '../../api/use-loaded.js';
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
  return (
    <table class="rows">
      <thead>
        <tr>
          <th scope="col" class="number">
            Build
          </th>
          <th scope="col">Status</th>
          <th scope="col">Job</th>
          <th scope="col" class="number">
            Atoms
          </th>
          <th scope="col" class="number">
            Duration
          </th>
          <th scope="col">Requested</th>
        </tr>
      </thead>
      <tbody>
        {builds.map((build) => (
          <tr key={build.id}>
            <td class="number">
              <a href={`/ui/build/${build.id}`}>{build.id}</a>
            </td>
            <td>
              <Status look={lookOfBuild(build)} />
            </td>
            <td>
              <bdi>{build.request_params.job_name ?? ''}</bdi>
            </td>
            <td class="number">
              {build.num_atoms_done}/{build.num_atoms ?? '?'}
            </td>
            <td class="number">{durationText(secondsOf(build))}</td>
            <td>
              <Timestamp at={build.state_timestamps.QUEUED ?? null} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
