import type { ComponentChildren } from 'preact';
import { Loading, ProblemNotice } from '../page/notices.js';
import { VirtualTable, type VirtualTableProps } from './virtual-table.js';

type PagedTableProps<Row> = Omit<VirtualTableProps<Row>, 'total'> & {
  /** Shown in place of a table without rows. */
  readonly children: ComponentChildren;
};

/** A table whose rows are loaded in pages, with its states before and besides that. */
export function PagedTable<Row>({ children, ...table }: PagedTableProps<Row>) {
  const { total, problem } = table.rows;
  return (
    <>
      <ProblemNotice problem={problem} />
      {total === null && problem === null && <Loading />}
      {total === 0 && children}
      {total !== null && total > 0 && <VirtualTable {...table} total={total} />}
    </>
  );
}
