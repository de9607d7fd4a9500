import { useMemo } from 'preact/hooks';
import { durationText } from '../../lib/text/duration-text.js';
import type { ReportData, ReportListed } from '../../protocol/results/report-data.js';
import { type AtomColumn, atomColumns, slaveLinks } from '../pages/build/view/atom-columns.js';
import { AtomList } from '../pages/build/view/atom-list.js';
import { AtomTable, searchInAddress } from '../pages/build/view/atom-table.js';
import { BuildTop } from '../pages/build/view/build-top.js';
import { EndNote, Fact, FactList } from '../pages/build/view/fact-list.js';
import type { ShownAtom } from '../pages/build/view/shown-atom.js';
import { ShortcutHelp } from '../parts/keys/shortcut-help.js';
import { useShortcuts } from '../parts/keys/shortcuts.js';
import { Empty } from '../parts/page/notices.js';
import { ThemeButton } from '../parts/page/theme-button.js';
import { DataTable } from '../parts/table/data-table.js';
import { countText } from '../parts/text/count-text.js';
import { address, navigate } from '../router/location.js';
import { consoleBeside, type ListedAtoms } from './listed-atoms.js';
import { ReportFailures } from './report-failures.js';
import { tableRows } from './report-rows.js';

interface ReportProps {
  readonly data: ReportData;
  readonly atoms: ListedAtoms;
}

const tabs = [
  { tab: 'overview', label: 'Overview' },
  { tab: 'atoms', label: 'Atoms' },
  { tab: 'timings', label: 'Timings' },
] as const;

const addressOf = (tab: (typeof tabs)[number]['tab']) => `?tab=${tab}`;

/** The report of a build, like the page of the build in the dashboard. */
export function ReportPage(props: ReportProps) {
  const { data } = props;
  const wanted = address.value.searchParams.get('tab');
  const { tab } = tabs.find(({ tab }) => tab === wanted) ?? tabs[0];
  useShortcuts(
    tabs.map(({ tab, label }) => ({
      keys: `g ${tab.charAt(0)}`,
      label: `Go to the ${label.toLowerCase()}`,
      run: () => navigate(addressOf(tab)),
    })),
  );
  return (
    <>
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header class="frame">
        <span class="brand">ClusterRunner</span>
        <span class="quiet links">report, version {data.version}</span>
        <ShortcutHelp />
        <ThemeButton />
      </header>
      <main id="content" tabIndex={-1}>
        <BuildTop build={data.build} />
        <nav class="links tabs" aria-label="Parts of the report">
          {tabs.map((one) => (
            <a key={one.tab} href={addressOf(one.tab)} aria-current={one.tab === tab ? 'page' : undefined}>
              {one.label}
            </a>
          ))}
        </nav>
        <ReportTab tab={tab} {...props} />
      </main>
    </>
  );
}

function ReportTab({ tab, ...props }: ReportProps & { readonly tab: (typeof tabs)[number]['tab'] }) {
  switch (tab) {
    case 'overview':
      return <Overview {...props} />;
    case 'atoms':
      return <AllAtoms {...props} />;
    case 'timings':
      return <Timings {...props} />;
  }
}

function Overview({ data, atoms }: ReportProps) {
  const { build, flaky, interrupted, files, left_out: leftOut } = data;
  const all = <a href={addressOf('atoms')}>All atoms</a>;
  const { QUEUED: queued, FINISHED, CANCELED, ERROR } = build.state_timestamps;
  return (
    <>
      <EndNote build={build} />
      <ReportFailures data={data} atoms={atoms} />
      {build.state === 'FINISHED' && build.num_atoms === 0 && <Empty title="This build has no atoms." />}
      <AtomList
        title="Flaky: passed when they ran again"
        atoms={flaky.map(shownListed)}
        more={all}
        renderNote={() => <span class="quiet"> (its first failure)</span>}
      />
      <AtomList title="Interrupted by the end of the build" atoms={interrupted.map(shownListed)} more={all} />
      <FactList build={build}>
        <Fact name="Requested">{timeText(queued)}</Fact>
        <Fact name="Ended">{timeText(FINISHED ?? CANCELED ?? ERROR)}</Fact>
        {files.length > 0 && (
          <Fact name="Beside this report">
            <span class="files-of">
              {files.map((file) => (
                <a key={file} href={encodeURIComponent(file)}>
                  {file}
                </a>
              ))}
            </span>
          </Fact>
        )}
        {leftOut.map((sentence) => (
          <Fact key={sentence} name="Not in this report">
            {sentence}
          </Fact>
        ))}
      </FactList>
    </>
  );
}

/** The folder of a flaky atom is that of its first failure. */
function shownListed({ id, name, folder, error }: ReportListed): ShownAtom {
  return {
    id,
    label: name,
    href: folder === null ? null : consoleBeside(folder),
    error,
    state: 'COMPLETED',
    outcome: null,
    exit_code: null,
    actual_time: null,
    num_retries: 0,
    slave: null,
  };
}

function timeText(seconds: number | null | undefined): string {
  return seconds == null
    ? 'not known'
    : new Date(seconds * 1000).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'long' });
}

const { status, name, exitCode, duration, retries, slave } = atomColumns;
const files: AtomColumn = {
  label: 'Files',
  width: '5rem',
  isMinor: true,
  cell: ({ folder }) => folder != null && <a href={`${folder}/`}>files</a>,
};
const columns: readonly AtomColumn[] = [
  status,
  name,
  exitCode,
  duration,
  retries,
  slaveLinks(new URLSearchParams({ tab: 'atoms' })),
  files,
];

function AllAtoms({ atoms, data: { left_out: leftOut } }: ReportProps) {
  const search = searchInAddress(address.value.searchParams);
  const key = JSON.stringify(search);
  const places = useMemo(() => atoms.search(search), [atoms, key]);
  return (
    <>
      {leftOut.map((sentence) => (
        <p key={sentence} class="note">
          {sentence}
        </p>
      ))}
      <AtomTable
        rows={tableRows(atoms, places)}
        columns={columns}
        search={search}
        lacks={['-started', 'in_progress']}
        allLink={addressOf('atoms')}
      >
        <Empty title="No atoms are listed." />
      </AtomTable>
    </>
  );
}

/** So many atoms are in each list of the timings. */
const MAX_TIMED = 20;
const timedColumns: readonly AtomColumn[] = [name, duration, retries, slave];

function Timings({ atoms }: ReportProps) {
  const { slowest, retried, flaky } = useMemo(
    () => ({
      slowest: atoms.slowest(MAX_TIMED),
      retried: atoms.retriedInVain().slice(0, MAX_TIMED),
      flaky: atoms.search({ state: 'flaky', sort: '-duration' }).slice(0, MAX_TIMED),
    }),
    [atoms],
  );
  const table = (title: string, places: readonly number[]) =>
    places.length > 0 && (
      <section>
        <h2>{title}</h2>
        <DataTable
          caption={title}
          columns={timedColumns}
          rows={places.map((place) => atoms.atom(place))}
          keyOf={({ id }) => id}
        />
      </section>
    );
  return (
    <>
      <p>
        The last runs of {countText(atoms.number, 'atom')} took {durationText(atoms.time / 100)} together.
      </p>
      {table('Slowest', slowest)}
      {table('Flaky: passed when they ran again', flaky)}
      {table('Ran again and did not pass', retried)}
    </>
  );
}
