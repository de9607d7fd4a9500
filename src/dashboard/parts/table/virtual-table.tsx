import { useEffect } from 'preact/hooks';
import type { PagedRows } from '../../api/use-paged-rows.js';
import { columnClass, type TableColumn } from './data-table.js';
import { useWindowRows } from './virtual-rows.js';

interface VirtualTableProps<Row> {
  /** For screen readers. */
  readonly caption: string;
  /** Widths are lengths of CSS; a column without one takes the rest. */
  readonly columns: readonly (TableColumn<Row> & { readonly width?: string })[];
  readonly rows: PagedRows<Row>;
  readonly total: number;
}

/** Pixels, as in `parts.css`. */
const ROW_HEIGHT = 28;

/** A table of any number of rows, of which only the visible ones are in the document. */
export function VirtualTable<Row>({ caption, columns, rows, total }: VirtualTableProps<Row>) {
  const view = useWindowRows<HTMLTableSectionElement>({
    count: total,
    rowHeight: ROW_HEIGHT,
    coveredTop: ROW_HEIGHT,
  });
  const [top, bottom] = [view.rows.at(0), view.rows.at(-1)];
  const [first, last] = [top?.index ?? 0, bottom?.index ?? 0];
  useEffect(() => rows.want(first, last), [first, last, rows.want]);
  // Spaces in the place of rows that are not in the document; see `.virtual tbody::before`.
  const space = {
    '--space-above': `${top?.start ?? 0}px`,
    '--space-below': `${bottom === undefined ? 0 : view.totalSize - bottom.end}px`,
  };
  return (
    <table class="rows virtual" aria-rowcount={total + 1}>
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
      <tbody ref={view.container} style={space}>
        {view.rows.map(({ index }) => {
          const row = rows.row(index);
          return (
            <tr key={index} aria-rowindex={index + 2}>
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
  );
}
