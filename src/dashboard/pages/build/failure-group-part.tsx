import { useState } from 'preact/hooks';
import type { Build } from '../../../protocol/build/build.js';
import type { FailureGroup } from '../../../protocol/build/failure-group.js';
import type { Atom } from '../../../protocol/build/work.js';
import { getJson } from '../../api/api-calls.js';
import { usePagedRows } from '../../api/use-paged-rows.js';
import { AnsiBlock } from '../../parts/ansi/ansi-text.js';
import { lastText } from '../../parts/ansi/ansi-tokens.js';
import { Loading, ProblemNotice } from '../../parts/page/notices.js';
import { DataTable, type TableColumn } from '../../parts/table/data-table.js';
import { VirtualTable } from '../../parts/table/virtual-table.js';
import { atomLabel } from '../../parts/text/atom-label.js';
import { durationText } from '../../parts/text/duration-text.js';
import { exitText } from '../../parts/text/exit-text.js';
import { pathTo } from '../../router/page-paths.js';

interface FailureGroupProps {
  readonly build: Build;
  readonly group: FailureGroup;
  /** Whether its lines are shown at first. */
  readonly isOpen: boolean;
}

type Column = TableColumn<Atom> & { readonly width?: string };

/** Failed atoms whose outputs end alike: how they end, and the atoms. */
export function FailureGroupPart({ build, group, isOpen }: FailureGroupProps) {
  const [isWhole, setWhole] = useState(false);
  const { key, num_atoms: number, sample_lines: lines, atoms } = group;
  const [first] = atoms;
  const columns = columnsOf(build);
  return (
    <details class="failure-group" open={isOpen}>
      <summary>
        <span class="tone-bad" aria-hidden="true">
          ✗
        </span>{' '}
        {number.toLocaleString('en-US')} {number === 1 ? 'atom' : 'atoms'}
        {': '}
        <bdi>{summaryOf(group)}</bdi>
      </summary>
      {lines.length > 0 && <AnsiBlock lines={lines} />}
      {key === 'lost' && first?.error != null && <p class="note">{first.error}</p>}
      {isWhole ? (
        <AllAtoms buildId={build.id} group={key} columns={columns} />
      ) : (
        <DataTable caption="Failed atoms" columns={columns} rows={atoms} keyOf={({ id }) => id} />
      )}
      {number > atoms.length && (
        <button type="button" onClick={() => setWhole(!isWhole)}>
          {isWhole ? 'Show the first ones only' : `Show all ${number.toLocaleString('en-US')}`}
        </button>
      )}
    </details>
  );
}

const without: Readonly<Record<string, string>> = {
  silent: 'printed nothing',
  lost: 'lost with their slaves',
  other: 'failed in other ways',
  unknown: 'output not known',
};

/** One line about how the atoms of a group failed. */
function summaryOf({ key, sample_lines: lines }: FailureGroup): string {
  return without[key] ?? lastText(lines);
}

function AllAtoms({
  buildId,
  group,
  columns,
}: {
  readonly buildId: Build['id'];
  readonly group: string;
  readonly columns: readonly Column[];
}) {
  const rows = usePagedRows(
    `atoms of ${buildId} in ${group}`,
    async (page, signal) => {
      const query = { ...page, group };
      const { atoms, total } = await getJson('/v1/build/:buildId/atom', {
        params: { buildId },
        query,
        signal,
      });
      return { rows: atoms, total };
    },
    ({ data }) => data.build_id === buildId,
  );
  return (
    <>
      <ProblemNotice problem={rows.problem} />
      {rows.total === null && rows.problem === null && <Loading />}
      {rows.total !== null && (
        <VirtualTable
          caption="All failed atoms of the group"
          columns={columns}
          rows={rows}
          total={rows.total}
        />
      )}
    </>
  );
}

function columnsOf({ id: buildId, atom_variables: variables }: Build): readonly Column[] {
  return [
    {
      label: 'Atom',
      cell: ({ id, command_string }) => (
        <a href={pathTo({ page: 'atom', buildId, atomId: id })} data-row>
          <bdi>{atomLabel(command_string, variables)}</bdi>
        </a>
      ),
    },
    { label: 'Exit code', width: '9rem', cell: ({ exit_code }) => exitText(exit_code) },
    {
      label: 'Duration',
      width: '6rem',
      isNumber: true,
      cell: ({ actual_time }) => (actual_time === null ? '' : durationText(actual_time)),
    },
    {
      label: 'Retries',
      width: '5rem',
      isNumber: true,
      isMinor: true,
      cell: ({ num_retries }) => (num_retries === 0 ? '' : num_retries),
    },
    { label: 'Slave', width: '12rem', isMinor: true, cell: ({ slave }) => <bdi>{slave ?? ''}</bdi> },
  ];
}
