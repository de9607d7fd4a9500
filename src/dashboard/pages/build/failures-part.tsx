import { useState } from 'preact/hooks';
import { rerunCommand } from '../../../lib/text/rerun-command.js';
import type { Build } from '../../../protocol/build/build.js';
import { getJson } from '../../api/api-calls.js';
import { commandMaster, masterVersion } from '../../api/master-version.js';
import { useLoaded } from '../../api/use-loaded.js';
import { usePagedRows } from '../../api/use-paged-rows.js';
import { Empty, ProblemNotice } from '../../parts/page/notices.js';
import { PagedTable } from '../../parts/table/paged-table.js';
import type { EarlyTabProps } from './build-tab.js';
import { failureColumns } from './view/atom-columns.js';
import { FailureGroupPart, failuresTitle, RerunLine } from './view/failure-group-part.js';
import { shownAtom } from './view/shown-atom.js';

/** So many groups are loaded at first, and with each request for more. */
const PAGE = 20;
/** The most that the API returns at once. */
const MOST = 100;
/** The lines of so many groups are shown at first. */
const OPEN = 3;

/** The failed atoms of a build, in groups whose outputs end alike. */
export function FailuresPart({ buildId, build }: EarlyTabProps) {
  const [limit, setLimit] = useState(PAGE);
  // As long as that is not known, it is supposed.
  const hasFailures = build === null || build.num_atoms_failed > 0;
  const { data, problem } = useLoaded(
    `failures of ${buildId} ${limit} ${hasFailures}`,
    async (signal) =>
      hasFailures
        ? await getJson('/v1/build/:buildId/failure-group', { params: { buildId }, query: { limit }, signal })
        : null,
    { isChangedBy: ({ data: { build_id } }) => build_id === buildId },
  );
  if (build === null || !hasFailures) {
    return null;
  }
  return (
    <section aria-labelledby="failures" class="failures">
      <h2 id="failures">{failuresTitle(build.num_atoms_failed, data?.total ?? null)}</h2>
      {build.status !== 'BUILDING' && masterVersion.value?.past_builds !== true && (
        <RerunLine label="Run them again:" command={rerunCommand(buildId, commandMaster())} />
      )}
      <ProblemNotice problem={problem} />
      {data?.groups.map((group, place) => (
        <FailureGroupPart
          key={group.key}
          group={{ ...group, atoms: group.atoms.map((atom) => shownAtom(atom, build)) }}
          isOpen={place < OPEN}
          renderAll={() => <AtomsOfGroup build={build} group={group.key} />}
        />
      ))}
      {data !== null && data.total > data.groups.length && limit < MOST && (
        <button type="button" onClick={() => setLimit(Math.min(MOST, limit + 2 * PAGE))}>
          Show more groups
        </button>
      )}
      {data !== null && data.total > data.groups.length && limit >= MOST && (
        <p class="quiet">{data.total - data.groups.length} smaller groups are not shown.</p>
      )}
    </section>
  );
}

function AtomsOfGroup({ build, group }: { readonly build: Build; readonly group: string }) {
  const buildId = build.id;
  const rows = usePagedRows(
    `atoms of ${buildId} in ${group}`,
    async (page, signal) => {
      const query = { ...page, group };
      const { atoms, total } = await getJson('/v1/build/:buildId/atom', {
        params: { buildId },
        query,
        signal,
      });
      return { rows: atoms.map((atom) => shownAtom(atom, build)), total };
    },
    ({ data }) => data.build_id === buildId,
  );
  return (
    <PagedTable
      caption="All failed atoms of the group"
      columns={failureColumns}
      rows={rows}
      keyOf={({ id }) => id}
    >
      <Empty title="No atom fails like this any more." />
    </PagedTable>
  );
}
