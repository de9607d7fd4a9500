import type { Build } from '../../../../protocol/build/build.js';
import type { Atom } from '../../../../protocol/build/work.js';
import { getJson } from '../../../api/api-calls.js';
import { usePagedRows } from '../../../api/use-paged-rows.js';
import { Empty } from '../../../parts/page/notices.js';
import { Status } from '../../../parts/status/status.js';
import { lookOfAtom } from '../../../parts/status/status-look.js';
import type { TableColumn } from '../../../parts/table/data-table.js';
import { PagedTable } from '../../../parts/table/paged-table.js';
import { atomLabel } from '../../../parts/text/atom-label.js';
import { address, setQuery } from '../../../router/location.js';
import { pathTo } from '../../../router/page-paths.js';
import { folderOfAtom, pathToPlace } from './artifact-place.js';

/** The folders of the atoms of a build, those of failed ones first. */
export function AtomFolders({ build }: { readonly build: Pick<Build, 'id' | 'atom_variables'> }) {
  const { id: buildId, atom_variables: variables } = build;
  const q = address.value.searchParams.get('q') ?? '';
  const rows = usePagedRows(
    `folders of ${buildId} ${q}`,
    async (page, signal) => {
      const { atoms, total } = await getJson('/v1/build/:buildId/atom', {
        params: { buildId },
        query: { ...page, sort: 'failed_first', ...(q === '' ? {} : { q }) },
        signal,
      });
      return { rows: atoms, total };
    },
    ({ data }) => data.build_id === buildId,
  );
  const columns: readonly (TableColumn<Atom> & { width?: string })[] = [
    { label: 'Status', width: 'var(--status-width)', cell: (atom) => <Status look={lookOfAtom(atom)} /> },
    {
      label: 'Folder',
      width: '11rem',
      cell: (atom) =>
        atom.outcome === null ? (
          <span class="quiet">not yet</span>
        ) : (
          <a href={pathToPlace(buildId, { folder: folderOfAtom(atom), file: null })} data-row>
            {folderOfAtom(atom)}
          </a>
        ),
    },
    {
      label: 'Atom',
      cell: ({ id: atomId, command_string: command }) => {
        const label = atomLabel(command, variables);
        return (
          <a href={pathTo({ page: 'atom', buildId, atomId })} title={label}>
            <bdi>{label}</bdi>
          </a>
        );
      },
    },
  ];
  return (
    <>
      <p>
        <input
          type="search"
          aria-label="Atom"
          placeholder="Atom"
          value={q}
          onInput={({ currentTarget }) => setQuery({ q: currentTarget.value })}
        />
      </p>
      <PagedTable caption="Folders of atoms" columns={columns} rows={rows} keyOf={({ id }) => id}>
        <Empty title={q === '' ? 'This build has no atoms, and so no files.' : 'No atom has this text.'} />
      </PagedTable>
    </>
  );
}
