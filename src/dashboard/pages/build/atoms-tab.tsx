import type { AtomSearchQuery } from '../../../protocol/build/search-parameters.js';
import type { Atom } from '../../../protocol/build/work.js';
import { getJson } from '../../api/api-calls.js';
import { usePagedRows } from '../../api/use-paged-rows.js';
import { ChoiceField, chosenValue } from '../../parts/controls/choice-field.js';
import { SearchField } from '../../parts/controls/search-field.js';
import { Empty, Loading, ProblemNotice } from '../../parts/page/notices.js';
import { Status } from '../../parts/status/status.js';
import { lookOfAtom } from '../../parts/status/status-look.js';
import type { TableColumn } from '../../parts/table/data-table.js';
import { VirtualTable } from '../../parts/table/virtual-table.js';
import { atomLabel } from '../../parts/text/atom-label.js';
import { durationText } from '../../parts/text/duration-text.js';
import { address } from '../../router/location.js';
import { pathTo } from '../../router/page-paths.js';
import type { TabProps } from './build-tab.js';

const states = [
  { value: '', label: 'All states' },
  { value: 'failed,lost', label: 'Failed' },
  { value: 'in_progress', label: 'Running' },
  { value: 'not_started', label: 'Waiting' },
  { value: 'passed', label: 'Passed' },
  { value: 'flaky', label: 'Flaky' },
  { value: 'interrupted', label: 'Interrupted' },
] as const;

const orders = [
  { value: 'failed_first', label: 'Failed first' },
  { value: 'id', label: 'In their order' },
  { value: '-duration', label: 'Longest first' },
  { value: 'name', label: 'By name' },
  { value: '-started', label: 'Latest first' },
] as const;

/** The parameters of the list that the address holds. */
function searchOf(parameters: URLSearchParams): AtomSearchQuery {
  const [q, slave] = [parameters.get('q'), parameters.get('slave')];
  const state = chosenValue('state', states) ?? '';
  return {
    sort: chosenValue('sort', orders) ?? 'id',
    ...(state === '' ? {} : { state }),
    ...(q === null ? {} : { q }),
    ...(slave === null ? {} : { slave }),
  };
}

/** All atoms of a build. */
export function AtomsTab({ build }: TabProps) {
  const { id: buildId } = build;
  const search = searchOf(address.value.searchParams);
  const { sort: _, ...filters } = search;
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
  const path = pathTo({ page: 'build', buildId, tab: 'atoms' });
  return (
    <>
      <div class="filters">
        <SearchField label="Name of the atom" name="q" />
        <ChoiceField label="State" name="state" choices={states} />
        <ChoiceField label="Order" name="sort" choices={orders} />
        {search.slave !== undefined && (
          <span>
            on <bdi>{search.slave}</bdi> <a href={path}>all slaves</a>
          </span>
        )}
        <span class="quiet" role="status">
          {rows.total !== null && `${rows.total.toLocaleString('en-US')} atoms`}
        </span>
      </div>
      <ProblemNotice problem={rows.problem} />
      {rows.total === null && rows.problem === null && <Loading />}
      {rows.total === 0 && <NoAtoms isFiltered={Object.keys(filters).length > 0} path={path} build={build} />}
      {rows.total !== null && rows.total > 0 && (
        <VirtualTable caption="Atoms" columns={columnsOf(build)} rows={rows} total={rows.total} />
      )}
    </>
  );
}

interface NoAtomsProps {
  readonly isFiltered: boolean;
  readonly path: string;
  readonly build: TabProps['build'];
}

function NoAtoms({ isFiltered, path, build }: NoAtomsProps) {
  if (isFiltered) {
    return (
      <Empty title="No atom matches.">
        <p>
          <a href={path}>Show all atoms</a>
        </p>
      </Empty>
    );
  }
  return build.status === 'BUILDING' ? (
    <Empty title="The atoms are not known yet.">
      <p>A slave fetches the project and lists them first.</p>
    </Empty>
  ) : (
    <Empty title="This build has no atoms." />
  );
}

function columnsOf({
  id: buildId,
  atom_variables: variables,
}: TabProps['build']): readonly (TableColumn<Atom> & { readonly width?: string })[] {
  return [
    { label: 'Status', width: '7.5rem', cell: (atom) => <Status look={lookOfAtom(atom)} /> },
    {
      label: 'Atom',
      cell: ({ id, command_string }) => {
        const label = atomLabel(command_string, variables);
        return (
          <a href={pathTo({ page: 'atom', buildId, atomId: id })} data-row title={label}>
            <bdi>{label}</bdi>
          </a>
        );
      },
    },
    {
      label: 'Duration',
      width: '6rem',
      isNumber: true,
      cell: ({ actual_time }) => (actual_time === null ? '' : durationText(actual_time)),
    },
    {
      label: 'Expected',
      width: '6rem',
      isNumber: true,
      isMinor: true,
      cell: ({ expected_time }) => (
        <span class="quiet">{expected_time === null ? '' : durationText(expected_time)}</span>
      ),
    },
    {
      label: 'Retries',
      width: '5rem',
      isNumber: true,
      isMinor: true,
      cell: ({ num_retries }) => (num_retries === 0 ? '' : num_retries),
    },
    {
      label: 'Slave',
      width: '12rem',
      isMinor: true,
      cell: ({ slave }) =>
        slave === null ? (
          ''
        ) : (
          <a href={`?slave=${encodeURIComponent(slave)}`}>
            <bdi>{slave}</bdi>
          </a>
        ),
    },
  ];
}
