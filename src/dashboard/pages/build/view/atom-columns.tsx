import { durationText } from '../../../../lib/text/duration-text.js';
import { Status } from '../../../parts/status/status.js';
import { lookOfAtom } from '../../../parts/status/status-look.js';
import type { TableColumn } from '../../../parts/table/data-table.js';
import { exitText } from '../../../parts/text/exit-text.js';
import type { ShownAtom } from './shown-atom.js';

export type AtomColumn = TableColumn<ShownAtom> & { readonly width?: string };

/** The value of an atom, as a link if there is more about it. */
export function AtomName({ atom: { label, href } }: { readonly atom: ShownAtom }) {
  const name = <bdi>{label}</bdi>;
  return href === null ? (
    <span title={label}>{name}</span>
  ) : (
    <a href={href} data-row title={label}>
      {name}
    </a>
  );
}

const status: AtomColumn = {
  label: 'Status',
  width: 'var(--status-width)',
  cell: (atom) => <Status look={lookOfAtom(atom)} />,
};
const name: AtomColumn = { label: 'Atom', cell: (atom) => <AtomName atom={atom} /> };
const exitCode: AtomColumn = {
  label: 'Exit code',
  width: '9rem',
  isMinor: true,
  cell: ({ exit_code }) => exitText(exit_code),
};
const duration: AtomColumn = {
  label: 'Duration',
  width: '6rem',
  isNumber: true,
  cell: ({ actual_time }) => (actual_time === null ? '' : durationText(actual_time)),
};
const expected: AtomColumn = {
  label: 'Expected',
  width: '6rem',
  isNumber: true,
  isMinor: true,
  cell: ({ expected_time }) => (
    <span class="quiet">{expected_time == null ? '' : durationText(expected_time)}</span>
  ),
};
const retries: AtomColumn = {
  label: 'Retries',
  width: '5rem',
  isNumber: true,
  isMinor: true,
  cell: ({ num_retries }) => (num_retries === 0 ? '' : num_retries),
};
const slave: AtomColumn = {
  label: 'Slave',
  width: '12rem',
  isMinor: true,
  cell: ({ slave }) => <bdi>{slave ?? ''}</bdi>,
};

/** The slave, as a link to the atoms that ran there; `query` is that of the page with all atoms. */
export function slaveLinks(query: URLSearchParams): AtomColumn {
  return {
    ...slave,
    cell: ({ slave }) =>
      slave === null ? (
        ''
      ) : (
        <a href={`?${new URLSearchParams([...query, ['slave', slave]])}`}>
          <bdi>{slave}</bdi>
        </a>
      ),
  };
}

/** Columns of tables of atoms. */
export const atomColumns = { status, name, exitCode, duration, expected, retries, slave };

/** The columns of a table of failed atoms. */
export const failureColumns: readonly AtomColumn[] = [name, exitCode, duration, retries, slave];
