import { getJson } from '../../api/api-calls.js';
import { usePagedRows } from '../../api/use-paged-rows.js';
import { Empty } from '../../parts/page/notices.js';
import { address } from '../../router/location.js';
import { pathTo } from '../../router/page-paths.js';
import type { EarlyTabProps } from './build-tab.js';
import { type AtomColumn, atomColumns, slaveLinks } from './view/atom-columns.js';
import { AtomTable, searchInAddress } from './view/atom-table.js';
import { shownAtom } from './view/shown-atom.js';

const { status, name, duration, expected, retries } = atomColumns;
const columns: readonly AtomColumn[] = [
  status,
  name,
  duration,
  expected,
  retries,
  slaveLinks(new URLSearchParams()),
];

/** All atoms of a build. */
export function AtomsTab({ buildId, build }: EarlyTabProps) {
  const search = searchInAddress(address.value.searchParams);
  const rows = usePagedRows(
    `atoms of ${buildId} ${JSON.stringify(search)}`,
    async (page, signal) => {
      const query = { ...page, ...search };
      const { atoms, total } = await getJson('/v1/build/:buildId/atom', {
        params: { buildId },
        query,
        signal,
      });
      return { rows: atoms, total };
    },
    ({ data }) => data.build_id === buildId,
  );
  if (build === null) {
    return null;
  }
  const row = (index: number) => {
    const atom = rows.row(index);
    return atom === null ? null : shownAtom(atom, build);
  };
  return (
    <AtomTable
      rows={{ ...rows, row }}
      columns={columns}
      search={search}
      allLink={pathTo({ page: 'build', buildId, tab: 'atoms' })}
    >
      {build.status === 'BUILDING' ? (
        <Empty title="The atoms are not known yet.">
          <p>A slave fetches the project and lists them first.</p>
        </Empty>
      ) : (
        <Empty
          title={
            build.num_atoms === null ? 'It ended before its atoms were listed.' : 'This build has no atoms.'
          }
        />
      )}
    </AtomTable>
  );
}
