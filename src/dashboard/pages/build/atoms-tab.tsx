import type { Atom } from '../../../protocol/build/work.js';
import { getJson } from '../../api/api-calls.js';
import { usePagedRows } from '../../api/use-paged-rows.js';
import type { TableColumn } from '../../parts/data-table.js';
import { durationText } from '../../parts/duration-text.js';
import { Empty, Loading, ProblemNotice } from '../../parts/notices.js';
import { Status } from '../../parts/status.js';
import { lookOfAtom } from '../../parts/status-look.js';
import { VirtualTable } from '../../parts/virtual-table.js';
import { pathTo } from '../../router/page-paths.js';
import type { TabProps } from './build-tab.js';

/** All atoms of a build. */
export function AtomsTab({ build: { id: buildId } }: TabProps) {
  const rows = usePagedRows(
    `atoms of ${buildId}`,
    async (query, signal) => {
      const { atoms, total } = await getJson('/v1/build/:buildId/atom', {
        params: { buildId },
        query,
        signal,
      });
      return { rows: atoms, total };
    },
    ({ data }) => data.build_id === buildId,
  );
  const columns: readonly (TableColumn<Atom> & { width?: string })[] = [
    { label: 'Id', width: '4rem', isNumber: true, isMinor: true, cell: ({ id }) => id },
    { label: 'Status', width: '7rem', cell: (atom) => <Status look={lookOfAtom(atom)} /> },
    {
      label: 'Atom',
      cell: ({ id, command_string }) => (
        <a href={pathTo({ page: 'atom', buildId, atomId: id })} data-row title={command_string}>
          <bdi>{command_string}</bdi>
        </a>
      ),
    },
    {
      label: 'Duration',
      width: '6rem',
      isNumber: true,
      cell: ({ actual_time }) => (actual_time === null ? '' : durationText(actual_time)),
    },
    { label: 'Slave', width: '10rem', isMinor: true, cell: ({ slave }) => <bdi>{slave ?? ''}</bdi> },
  ];
  return (
    <>
      <ProblemNotice problem={rows.problem} />
      {rows.total === null && rows.problem === null && <Loading />}
      {rows.total === 0 && <Empty title="The atoms of this build are not known yet." />}
      {rows.total !== null && rows.total > 0 && (
        <VirtualTable caption="Atoms" columns={columns} rows={rows} total={rows.total} />
      )}
    </>
  );
}
