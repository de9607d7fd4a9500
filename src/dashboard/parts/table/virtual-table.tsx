import { useEffect } from 'preact/hooks';
import type { PagedRows } from '../../api/use-paged-rows.js';
import { columnClass, type TableColumn } from './data-table.js';
import type { RowKey } from './row-shift.js';
import { indexesFrom } from './scroll-place.js';
import { useVirtualList } from './use-virtual-list.js';

export interface VirtualTableProps<Row> {
  /** For screen readers. */
  readonly caption: string;
  /** Widths are lengths of CSS; a column without one takes the rest. */
  readonly columns: readonly (TableColumn<Row> & { readonly width?: string })[];
  readonly rows: PagedRows<Row>;
  readonly total: number;
  /** Identifies a row, so that rows which are added above the visible ones do not move them, and the focus stays. */
  readonly keyOf?: (row: Row) => RowKey;
}

/** Pixels, as in `parts.css`. */
const ROW_HEIGHT = 28;

/** A table of any number of rows, of which only the visible ones are in the document. */
export function VirtualTable<Row>({ caption, columns, rows, total, keyOf }: VirtualTableProps<Row>) {
  const keyAt = (index: number) => {
    const row = rows.row(index);
    return row === null ? null : (keyOf?.(row) ?? index);
  };
  const { first, last, start, height, box } = useVirtualList<HTMLDivElement>({
    count: total,
    rowHeight: ROW_HEIGHT,
    isInWindow: true,
    coveredTop: ROW_HEIGHT,
    ...(keyOf === undefined ? {} : { keyAt }),
  });
  useEffect(() => rows.want(first, last), [first, last, rows.want]);
  return (
    // The space of all rows, in which the table moves: properties of the table itself would cost a look at each of its cells.
    <div ref={box} class="virtual-space" style={{ height: `${height + ROW_HEIGHT}px` }}>
      <table class="rows virtual" aria-rowcount={total + 1} style={{ marginTop: `${start}px` }}>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <th
                key={column.label}
                scope="col"
                class={columnClass(column)}
                style={{ width: column.width ?? 'auto' }}
              >
                {column.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {indexesFrom(first, last).map((index) => {
            const row = rows.row(index);
            return (
              <tr key={keyAt(index) ?? `row ${index}`} aria-rowindex={index + 2}>
                {columns.map((column) => (
                  <td key={column.label} class={columnClass(column)}>
                    {row === null ? '' : column.cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
