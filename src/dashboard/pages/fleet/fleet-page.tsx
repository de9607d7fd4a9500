import type { SlaveId } from '../../../protocol/ids.js';
import type { Slave } from '../../../protocol/slave/slave-messages.js';
import { getJson } from '../../api/api-calls.js';
import { masterVersion } from '../../api/master-version.js';
import { useLoaded } from '../../api/use-loaded.js';
import { usePagedRows } from '../../api/use-paged-rows.js';
import { ChoiceField, chosenValue } from '../../parts/controls/choice-field.js';
import { SearchField } from '../../parts/controls/search-field.js';
import { Empty, ProblemNotice } from '../../parts/page/notices.js';
import { Status } from '../../parts/status/status.js';
import { lookOfSlave } from '../../parts/status/status-look.js';
import type { TableColumn } from '../../parts/table/data-table.js';
import { PagedTable } from '../../parts/table/paged-table.js';
import { bytesText } from '../../parts/text/bytes-text.js';
import { usePageTitle } from '../../parts/text/page-title.js';
import { Timestamp } from '../../parts/text/timestamp.js';
import { address } from '../../router/location.js';
import { idOf } from '../../router/page-paths.js';
import { LoadChart } from './load/load-chart.js';
import { NoSlaves } from './no-slaves.js';
import { SlaveView } from './one-slave.js';
import { SlaveName } from './slave-name.js';
import { BuildsOfSlave, ExecutorStrip } from './slave-work.js';

const states = [
  { value: '', label: 'All states' },
  { value: 'CONNECTED', label: 'Connected' },
  { value: 'SUSPECT,SICK,DRAINING', label: 'Without new work' },
  { value: 'GONE', label: 'Gone' },
] as const;

const orders = [
  { value: 'trouble_first', label: 'Trouble first' },
  { value: 'name', label: 'By name' },
  { value: '-busy', label: 'Busiest first' },
  { value: 'free_disk', label: 'Fullest disk first' },
  { value: 'last_seen', label: 'Longest silent first' },
] as const;

const ROWS_OF_PAGE = 50;
/** Slaves are heard without an event. */
const EVERY_MS = 5_000;
const MOST_TROUBLED = 10;

/** The slaves and their executors; or the one that the address names. */
export function FleetPage() {
  const id = idOf<SlaveId>(address.value.searchParams.get('slave'));
  return id === null ? <Fleet /> : <SlaveView key={id} id={id} />;
}

function Fleet() {
  usePageTitle('Fleet');
  const trouble = useLoaded(
    'troubled slaves',
    (signal) =>
      getJson('/v1/slave', {
        params: {},
        query: { state: 'SUSPECT,SICK,DRAINING', sort: 'trouble_first', limit: MOST_TROUBLED },
        signal,
      }),
    { isChangedBy: ({ tag }) => tag.startsWith('SLAVE_'), everyMs: () => EVERY_MS },
  );
  const { data } = trouble;
  const counts = Object.entries(data?.num_in_state ?? {}).filter(([, number]) => number > 0);
  if (data !== null && counts.length === 0) {
    return (
      <>
        <h1>Fleet</h1>
        <NoSlaves />
      </>
    );
  }
  return (
    <>
      <div class="title">
        <h1>Fleet</h1>
        <p role="status">{counts.map(([state, number]) => `${number} ${state.toLowerCase()}`).join(', ')}</p>
      </div>
      <ProblemNotice problem={trouble.problem} />
      {data !== null && data.total > 0 && <Troubled slaves={data.slaves} total={data.total} />}
      <LoadChart />
      <SlaveList />
    </>
  );
}

function Troubled({ slaves, total }: { readonly slaves: readonly Slave[]; readonly total: number }) {
  return (
    <section aria-labelledby="troubled">
      <h2 id="troubled">Without new work</h2>
      <ul class="plain">
        {slaves.map((slave) => (
          <li key={slave.id}>
            <Status look={lookOfSlave(slave)} /> <SlaveLink slave={slave} />
            {': '}
            {slave.reason ?? 'It finishes what it runs, takes no more, and exits.'}
          </li>
        ))}
      </ul>
      {total > slaves.length && (
        <p>
          <a href="/ui/fleet?state=SUSPECT,SICK,DRAINING">All {total}</a>
        </p>
      )}
    </section>
  );
}

function SlaveLink({ slave }: { readonly slave: Slave }) {
  return (
    <a href={`/ui/fleet?slave=${slave.id}`} data-row>
      <SlaveName slave={slave} />
    </a>
  );
}

function SlaveList() {
  const { searchParams } = address.value;
  const q = searchParams.get('q') ?? '';
  const state = chosenValue('state', states) ?? '';
  const sort = chosenValue('sort', orders) ?? 'trouble_first';
  const rows = usePagedRows(
    `slaves ${state} ${sort} ${q}`,
    async (page, signal) => {
      const query = { ...page, sort, ...(state === '' ? {} : { state }), ...(q === '' ? {} : { q }) };
      const { slaves, total } = await getJson('/v1/slave', { params: {}, query, signal });
      return { rows: slaves, total };
    },
    ({ tag }) => tag.startsWith('SLAVE_') || tag.startsWith('SUBJOB_'),
    ROWS_OF_PAGE,
    EVERY_MS,
  );
  return (
    <section aria-labelledby="slaves">
      <div class="title">
        <h2 id="slaves">Slaves</h2>
        <div class="filters">
          <SearchField label="Name, version, reason" name="q" />
          <ChoiceField label="State" name="state" choices={states} />
          <ChoiceField label="Order" name="sort" choices={orders} />
        </div>
      </div>
      <PagedTable caption="Slaves" columns={columns} rows={rows} keyOf={({ id }) => id}>
        <Empty title="No slave matches.">
          <p>
            <a href="/ui/fleet">Show all slaves</a>
          </p>
        </Empty>
      </PagedTable>
    </section>
  );
}

const columns: readonly (TableColumn<Slave> & { readonly width?: string })[] = [
  { label: 'State', width: 'var(--status-width)', cell: (slave) => <Status look={lookOfSlave(slave)} /> },
  { label: 'Slave', cell: (slave) => <SlaveLink slave={slave} /> },
  { label: 'Executors', width: '12rem', isMinor: true, cell: (slave) => <ExecutorStrip slave={slave} /> },
  { label: 'Works on', width: '11rem', isMinor: true, cell: (slave) => <BuildsOfSlave slave={slave} /> },
  {
    label: 'Free disk',
    width: '6rem',
    isNumber: true,
    isMinor: true,
    cell: ({ free_disk_bytes: bytes }) => (bytes === null ? '' : bytesText(bytes)),
  },
  {
    label: 'Version',
    width: '5rem',
    isMinor: true,
    cell: ({ version }) => (
      <bdi class={version === masterVersion.value?.version ? 'quiet' : 'tone-warn'} title={version}>
        {version}
      </bdi>
    ),
  },
  {
    label: 'Connected',
    width: '7rem',
    isNumber: true,
    isMinor: true,
    cell: ({ state, connected_since: at }) => (state === 'GONE' ? '' : <Timestamp at={at ?? null} />),
  },
  {
    label: 'Heard',
    width: '7rem',
    isNumber: true,
    cell: ({ last_seen }) => <Timestamp at={last_seen} />,
  },
];
