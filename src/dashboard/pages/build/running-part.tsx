import { durationText } from '../../../lib/text/duration-text.js';
import type { RunningAtom } from '../../../protocol/build/activity.js';
import { DataTable, type TableColumn } from '../../parts/table/data-table.js';
import { pathTo } from '../../router/page-paths.js';
import type { TabProps } from './build-tab.js';

/** The work of a build that goes on now: setups, and the atoms that have run longest. */
export function RunningPart({ build: { id: buildId, activity } }: Pick<TabProps, 'build'>) {
  if (activity == null || activity.running.length + activity.setting_up.length === 0) {
    return null;
  }
  const columns: readonly TableColumn<RunningAtom>[] = [
    {
      label: 'Atom',
      cell: ({ atom_id: atomId, name }) => (
        <a href={pathTo({ page: 'atom', buildId, atomId })} data-row>
          <bdi>{name}</bdi>
        </a>
      ),
    },
    { label: 'Slave', isMinor: true, cell: ({ slave }) => <bdi>{slave}</bdi> },
    { label: 'For', isNumber: true, cell: ({ seconds }) => durationText(seconds) },
  ];
  return (
    <section aria-labelledby="running">
      <h2 id="running">Running longest</h2>
      {activity.setting_up.length > 0 && (
        <p>
          Setting up on{' '}
          {activity.setting_up.map(({ slave, seconds }, index) => (
            <span key={slave}>
              {index > 0 && ', '}
              <bdi>{slave}</bdi> ({durationText(seconds)})
            </span>
          ))}
        </p>
      )}
      {activity.running.length > 0 && (
        <DataTable
          caption="Atoms that have run longest"
          columns={columns}
          rows={activity.running}
          keyOf={({ atom_id }) => atom_id}
        />
      )}
    </section>
  );
}
