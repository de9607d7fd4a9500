import type { ComponentChildren } from 'preact';

export interface TableColumn<Row> {
  readonly label: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Whether it is aligned at the right. */
  readonly isNumber?: boolean;
  /** Whether it is left out on narrow screens. */
  readonly isMinor?: boolean;
}

interface DataTableProps<Row> {
  /** For screen readers. */
  readonly caption: string;
  readonly columns: readonly TableColumn<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string | number;
}

export function columnClass({ isNumber, isMinor }: Pick<TableColumn<never>, 'isNumber' | 'isMinor'>): string {
  return [isNumber === true ? 'number' : '', isMinor === true ? 'minor' : ''].join(' ').trim();
}

/** A table for up to some hundred rows. */
export function DataTable<Row>({ caption, columns, rows, keyOf }: DataTableProps<Row>) {
  return (
    <table class="rows">
      <caption class="unseen">{caption}</caption>
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column.label} scope="col" class={columnClass(column)}>
              {column.label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)}>
            {columns.map((column) => (
              <td key={column.label} class={columnClass(column)}>
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
