import { useEffect } from 'preact/hooks';
import { durationText } from '../../../lib/text/duration-text.js';
import type { SlaveId } from '../../../protocol/ids.js';
import type { SlaveWork } from '../../../protocol/slave/slave-list.js';
import type { Slave } from '../../../protocol/slave/slave-messages.js';
import { getJson, sendJson } from '../../api/api-calls.js';
import { mayAct } from '../../api/browser-session.js';
import { masterVersion } from '../../api/master-version.js';
import { useLoaded } from '../../api/use-loaded.js';
import { ActionButton } from '../../parts/controls/action-button.js';
import { Empty, Loading, ProblemNotice } from '../../parts/page/notices.js';
import { Status } from '../../parts/status/status.js';
import { lookOfSlave } from '../../parts/status/status-look.js';
import { DataTable, type TableColumn } from '../../parts/table/data-table.js';
import { bytesText } from '../../parts/text/bytes-text.js';
import { usePageTitle } from '../../parts/text/page-title.js';
import { now } from '../../parts/text/ticking-now.js';
import { Timestamp } from '../../parts/text/timestamp.js';
import { pathTo } from '../../router/page-paths.js';
import { Fact } from '../build/view/fact-list.js';
import { SlaveName } from './slave-name.js';
import { atomsOnSlave } from './slave-work.js';

const EVERY_MS = 3_000;

/** One slave: its condition, and the work of each executor. */
export function SlaveView({ id }: { readonly id: SlaveId }) {
  const { data, problem, reload } = useLoaded(
    `slave ${id}`,
    (signal) => getJson('/v1/slave/:slaveId', { params: { slaveId: id }, signal }),
    { isChangedBy: ({ data: { slave_id } }) => slave_id === id, everyMs: () => EVERY_MS },
  );
  useEffect(() => window.scrollTo(0, 0), []);
  usePageTitle(data?.slave.name ?? 'Slave');
  return (
    <>
      <p>
        <a href="/ui/fleet">All slaves</a>
      </p>
      {data === null && <h1>Slave {id}</h1>}
      <ProblemNotice problem={problem} />
      {data === null && problem === null && <Loading />}
      {data !== null && <Known slave={data.slave} reload={reload} />}
    </>
  );
}

interface KnownProps {
  readonly slave: Slave;
  readonly reload: () => void;
}

function Known({ slave, reload }: KnownProps) {
  const look = lookOfSlave(slave);
  const { reason, state, version, work = [] } = slave;
  const masters = masterVersion.value?.version;
  return (
    <>
      <div class="title">
        <h1>
          <Status look={look} /> <SlaveName slave={slave} />
        </h1>
        <DrainButton slave={slave} reload={reload} />
      </div>
      {reason !== null && <p class="note">{reason}</p>}
      {state === 'DRAINING' && <p class="note">It finishes what it runs, takes no more, and exits.</p>}
      <dl class="fact-list">
        <Fact name="Executors at work">
          {slave.num_executors_in_use} of {slave.num_executors}
        </Fact>
        {slave.free_disk_bytes !== null && <Fact name="Free disk">{bytesText(slave.free_disk_bytes)}</Fact>}
        {slave.num_unremovable > 0 && (
          <Fact name="Files that cannot be removed">{slave.num_unremovable}; its log lists them</Fact>
        )}
        <Fact name="Version">
          {version}
          {version !== masters && masters !== undefined && `; the master has ${masters}`}
        </Fact>
        <Fact name={state === 'GONE' ? 'Gone' : 'Connected'}>
          <Timestamp at={slave.connected_since ?? null} />
        </Fact>
        <Fact name="Heard">
          <Timestamp at={slave.last_seen} />
        </Fact>
        {slave.url !== null && (
          <Fact name="Its own API">
            <bdi>{slave.url}</bdi>
          </Fact>
        )}
      </dl>
      <h2>Work of its executors</h2>
      {work.length === 0 ? (
        <Empty title={state === 'GONE' ? 'It has left.' : 'It runs nothing at the moment.'} />
      ) : (
        <DataTable
          caption="Work of its executors"
          columns={columnsOf(slave)}
          rows={work}
          keyOf={({ build_id, subjob_id }) => `${build_id} ${subjob_id}`}
        />
      )}
    </>
  );
}

function columnsOf(slave: Slave): readonly TableColumn<SlaveWork>[] {
  return [
    {
      label: 'Build',
      cell: ({ build_id: buildId }) => (
        <a href={pathTo({ page: 'build', buildId, tab: 'overview' })}>build {buildId}</a>
      ),
    },
    { label: 'Work', cell: (work) => <Work work={work} slave={slave} /> },
    { label: 'For', isNumber: true, cell: ({ since }) => durationText(now.value - since) },
  ];
}

function Work({ work, slave }: { readonly work: SlaveWork; readonly slave: Slave }) {
  const { build_id: buildId, subjob_id: subjob, atom_id: atomId, atom_name: name } = work;
  if (subjob === null) {
    return <>preparation: it fetches the project and lists the atoms</>;
  }
  const href = atomId === null ? atomsOnSlave(buildId, slave) : pathTo({ page: 'atom', buildId, atomId });
  return (
    <>
      <a href={href} data-row>
        <bdi>{atomId === null ? `subjob ${subjob}` : (name ?? `atom ${atomId}`)}</bdi>
      </a>
      {atomId !== null && <span class="quiet"> of subjob {subjob}</span>}
    </>
  );
}

/** Only for those who may, and while it still takes work. */
function DrainButton({ slave, reload }: KnownProps) {
  const { id, state } = slave;
  if (!mayAct.value || state === 'GONE' || state === 'DRAINING') {
    return null;
  }
  const drain = async () => {
    await sendJson('POST', '/v1/slave/:slaveId/shutdown', { slaveId: id }, undefined);
    reload();
  };
  return (
    <ActionButton label="Drain the slave" subject={<SlaveName slave={slave} />} run={drain}>
      <p>It finishes what it runs, takes no more, and exits. Only starting it again ends that.</p>
    </ActionButton>
  );
}
