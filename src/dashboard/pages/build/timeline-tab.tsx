import { useMemo } from 'preact/hooks';
import { durationText } from '../../../lib/text/duration-text.js';
import { Empty, Loading, ProblemNotice } from '../../parts/page/notices.js';
import { DataTable, type TableColumn } from '../../parts/table/data-table.js';
import type { EarlyTabProps, TabProps } from './build-tab.js';
import { useAtomNames } from './timeline/atom-names.js';
import { barLooks } from './timeline/bar-looks.js';
import { clockText } from './timeline/drawing/time-view.js';
import { AtomLink, SummaryPart } from './timeline/summary-part.js';
import { summarySentences } from './timeline/summary-words.js';
import type { Bar, BuildTimeline } from './timeline/timeline-bars.js';
import { TimelineCanvas } from './timeline/timeline-canvas.js';
import { durationOf, slowestRuns, timelineSummary } from './timeline/timeline-summary.js';
import { useTimeline } from './timeline/use-timeline.js';

/** Why the build took so long: in words, as bars by executor, and its slowest atoms. */
export function TimelineTab({ buildId, build }: EarlyTabProps) {
  const { data, problem } = useTimeline(buildId);
  return build === null ? null : (
    <>
      <ProblemNotice problem={problem} />
      {data === null && problem === null && <Loading />}
      {data !== null && <Shown build={build} timeline={data} />}
    </>
  );
}

const MOST_SLOW = 8;

interface ShownProps {
  readonly build: TabProps['build'];
  readonly timeline: BuildTimeline;
}

function Shown({ build, timeline }: ShownProps) {
  const summary = useMemo(() => timelineSummary(timeline), [timeline]);
  const slowest = useMemo(() => slowestRuns(timeline, MOST_SLOW), [timeline]);
  const named = [...slowest, summary.tail?.bar, summary.slowest].flatMap((bar) => bar?.id ?? []);
  const nameOf = useAtomNames(build, named);
  const { numUnplaced, rows } = timeline;
  if (rows.length === 0 && numUnplaced === 0) {
    return build.status === 'BUILDING' ? (
      <Empty title="Nothing has run yet.">
        <p>The preparation appears here when it begins, and then the atoms.</p>
      </Empty>
    ) : (
      <Empty title="Nothing of this build has run." />
    );
  }
  return (
    <>
      <SummaryPart build={build} sentences={summarySentences(summary)} nameOf={nameOf} />
      {numUnplaced > 0 && (
        <p class="note">
          {numUnplaced.toLocaleString('en-US')} {numUnplaced === 1 ? 'atom is' : 'atoms are'} missing here,
          since it is not known when {numUnplaced === 1 ? 'it' : 'they'} ran.
        </p>
      )}
      {summary.numExecutors === 0 && (
        <p class="quiet">
          {build.status === 'BUILDING'
            ? 'No atom has begun yet; a slave prepares the build first.'
            : 'No atom of this build has run.'}
        </p>
      )}
      {summary.numExecutors > 0 && <TimelineCanvas build={build} timeline={timeline} />}
      {slowest.length > 0 && (
        <section aria-labelledby="slowest">
          <h2 id="slowest">Slowest atoms</h2>
          <DataTable
            caption="Slowest atoms"
            columns={columnsOf(build, timeline, nameOf)}
            rows={slowest}
            keyOf={({ id }) => id}
          />
        </section>
      )}
    </>
  );
}

function columnsOf(
  build: TabProps['build'],
  { end }: BuildTimeline,
  nameOf: (id: number) => string,
): readonly TableColumn<Bar>[] {
  return [
    { label: 'Atom', cell: ({ id }) => <AtomLink build={build} id={id} name={nameOf(id)} /> },
    { label: 'State', isMinor: true, cell: ({ kind }) => barLooks[kind].word },
    { label: 'Duration', isNumber: true, cell: (bar) => durationText(durationOf(bar, end) / 1000) },
    { label: 'Began at', isNumber: true, isMinor: true, cell: ({ start }) => clockText(start, 0) },
    { label: 'Slave', isMinor: true, cell: ({ slave }) => <bdi>{slave}</bdi> },
  ];
}
