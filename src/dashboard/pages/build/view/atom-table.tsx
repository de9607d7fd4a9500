import type { ComponentChildren } from 'preact';
import type {
  AtomOrder,
  AtomSearchQuery,
  SoughtAtomState,
} from '../../../../protocol/build/search-parameters.js';
import type { PagedRows } from '../../../api/use-paged-rows.js';
import { ChoiceField, chosenValue } from '../../../parts/controls/choice-field.js';
import { SearchField } from '../../../parts/controls/search-field.js';
import { Empty } from '../../../parts/page/notices.js';
import { PagedTable } from '../../../parts/table/paged-table.js';
import { countText } from '../../../parts/text/count-text.js';
import type { AtomColumn } from './atom-columns.js';
import type { ShownAtom } from './shown-atom.js';

const states = [
  { value: '', label: 'All states' },
  { value: 'failed,lost', label: 'Failed' },
  { value: 'in_progress', label: 'Running' },
  { value: 'not_started', label: 'Not started' },
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

/** The filters and the order that the address holds. */
export function searchInAddress(parameters: URLSearchParams): AtomSearchQuery {
  const [q, slave] = [parameters.get('q'), parameters.get('slave')];
  const state = chosenValue('state', states) ?? '';
  return {
    sort: chosenValue('sort', orders) ?? 'id',
    ...(state === '' ? {} : { state }),
    ...(q === null ? {} : { q }),
    ...(slave === null ? {} : { slave }),
  };
}

interface AtomTableProps {
  readonly rows: PagedRows<ShownAtom>;
  readonly columns: readonly AtomColumn[];
  readonly search: AtomSearchQuery;
  /** A link to the table without filters. */
  readonly allLink: string;
  /** States and orders that are not possible. */
  readonly lacks?: readonly (AtomOrder | SoughtAtomState)[];
  /** Shown when the build has no atoms. */
  readonly children: ComponentChildren;
}

/** The atoms of a build with filters and orders, which the address holds. */
export function AtomTable({ rows, columns, search, allLink, lacks = [], children }: AtomTableProps) {
  const { sort: _, ...filters } = search;
  const isFiltered = Object.keys(filters).length > 0;
  const isPossible = ({ value }: { readonly value: string }) => !lacks.some((lack) => lack === value);
  return (
    <>
      <div class="filters">
        <SearchField label="Name of the atom" name="q" />
        <ChoiceField label="State" name="state" choices={states.filter(isPossible)} />
        <ChoiceField label="Order" name="sort" choices={orders.filter(isPossible)} />
        {search.slave !== undefined && (
          <span>
            on <bdi>{search.slave}</bdi> <a href={allLink}>all slaves</a>
          </span>
        )}
        <span class="quiet" role="status">
          {rows.total !== null && countText(rows.total, 'atom')}
        </span>
      </div>
      <PagedTable caption="Atoms" columns={columns} rows={rows} keyOf={({ id }) => id}>
        {isFiltered ? (
          <Empty title="No atom matches.">
            <p>
              <a href={allLink}>Show all atoms</a>
            </p>
          </Empty>
        ) : (
          children
        )}
      </PagedTable>
    </>
  );
}
