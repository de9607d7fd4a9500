import { useMemo, useState } from 'preact/hooks';
import type { AtomOutcome } from '../../protocol/build/work.js';
import type { ReportAtoms } from '../../protocol/report-data.js';
import type { TableColumn } from '../parts/data-table.js';
import { durationText } from '../parts/duration-text.js';
import { Empty } from '../parts/notices.js';
import { Status } from '../parts/status.js';
import { lookOfAtom } from '../parts/status-look.js';
import { VirtualTable } from '../parts/virtual-table.js';
import {
  besideReport,
  filteredPlaces,
  type ReportFilter,
  type ReportOrder,
  type ReportRow,
  reportOrders,
  rowAt,
} from './report-rows.js';

const OUTCOMES: readonly (AtomOutcome | 'FLAKY')[] = ['FAILED', 'LOST', 'INTERRUPTED', 'FLAKY', 'PASSED'];

const columns: readonly (TableColumn<ReportRow> & { width?: string })[] = [
  { label: 'Id', width: '5rem', isNumber: true, isMinor: true, cell: ({ id }) => id },
  {
    label: 'Status',
    width: '8rem',
    cell: ({ outcome, exitCode, isFlaky }) =>
      isFlaky ? (
        <Status look={{ tone: 'warn', sign: '✓', word: 'flaky' }} />
      ) : (
        <Status
          look={lookOfAtom({
            state: outcome === null ? 'NOT_STARTED' : 'COMPLETED',
            outcome,
            exit_code: exitCode,
          })}
        />
      ),
  },
  {
    label: 'Atom',
    cell: ({ name, outcome, folder }) =>
      outcome === null || outcome === 'LOST' ? (
        <bdi title={name}>{name}</bdi>
      ) : (
        <a href={besideReport(folder, 'clusterrunner_console_output')} title={name}>
          <bdi>{name}</bdi>
        </a>
      ),
  },
  {
    label: 'Duration',
    width: '6rem',
    isNumber: true,
    cell: ({ seconds }) => (seconds === null ? '' : durationText(seconds)),
  },
  { label: 'Slave', width: '10rem', isMinor: true, cell: ({ slave }) => <bdi>{slave ?? ''}</bdi> },
];

/** All atoms of a report, with filters and orders. */
export function ReportAtomTable({ atoms }: { readonly atoms: ReportAtoms }) {
  const [filter, setFilter] = useState<ReportFilter>({ text: '', outcome: null, order: 'failed first' });
  const places = useMemo(() => filteredPlaces(atoms, filter), [atoms, filter]);
  const rows = {
    total: places.length,
    row: (index: number) => rowAt(atoms, places[index] ?? 0),
    want: () => undefined,
    problem: null,
  };
  return (
    <section aria-labelledby="atoms">
      <h2 id="atoms">Atoms</h2>
      <p>
        <input
          type="search"
          aria-label="Atom"
          placeholder="Atom"
          onInput={({ currentTarget: { value } }) => setFilter({ ...filter, text: value })}
        />{' '}
        <select
          aria-label="Status"
          onChange={({ currentTarget: { value } }) =>
            setFilter({ ...filter, outcome: OUTCOMES.find((one) => one === value) ?? null })
          }
        >
          <option value="">all</option>
          {OUTCOMES.map((one) => (
            <option key={one} value={one}>
              {one.toLowerCase()}
            </option>
          ))}
        </select>{' '}
        <select
          aria-label="Order"
          onChange={({ currentTarget: { value } }) => setFilter({ ...filter, order: orderOf(value) })}
        >
          {reportOrders.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      </p>
      {places.length === 0 ? (
        <Empty title="No atom is like that." />
      ) : (
        <VirtualTable caption="Atoms" columns={columns} rows={rows} total={places.length} />
      )}
    </section>
  );
}

function orderOf(text: string): ReportOrder {
  return reportOrders.find((one) => one === text) ?? 'failed first';
}
