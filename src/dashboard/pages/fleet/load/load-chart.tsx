import { getJson } from '../../../api/api-calls.js';
import { useLoaded } from '../../../api/use-loaded.js';
import { ChoiceField, chosenValue } from '../../../parts/controls/choice-field.js';
import { ProblemNotice } from '../../../parts/page/notices.js';
import { DataTable, type TableColumn } from '../../../parts/table/data-table.js';
import { now } from '../../../parts/text/ticking-now.js';
import {
  areaPath,
  averageText,
  axisTimes,
  highestOf,
  knownSpan,
  type LoadPoint,
  loadPoints,
  loadSummary,
} from './load-points.js';

const spans = [
  { value: '6', label: 'Last 6 hours' },
  { value: '1', label: 'Last hour' },
  { value: '24', label: 'Last 24 hours' },
] as const;

const RELOAD_MS = 60_000;
const MOST_PARTS = 240;
const TABLE_PARTS = 12;
const WIDTH = 960;

/** How busy the executors were: as areas, in a sentence, and as a table. */
export function LoadChart() {
  const hours = Number(chosenValue('hours', spans));
  const { data, problem } = useLoaded(
    `utilization ${hours}`,
    async (signal) => {
      const load = await getJson('/v1/utilization', { params: {}, query: { hours }, signal });
      return { load, span: knownSpan(load, now.peek(), hours) };
    },
    { everyMs: () => RELOAD_MS },
  );
  const parts = (most: number) => (data === null ? [] : loadPoints(data.load, data.span, most));
  const points = parts(MOST_PARTS);
  return (
    <section aria-labelledby="load">
      <div class="title">
        <h2 id="load">Executors at work</h2>
        <ChoiceField label="Time of the chart" name="hours" choices={spans} />
      </div>
      <ProblemNotice problem={problem} />
      {data !== null && (
        <>
          <p>{loadSummary(points, timeText)}</p>
          <div class="load" aria-hidden="true">
            <Areas
              label="executors"
              height={90}
              values={points.map((point) => point?.busy ?? null)}
              behind={points.map((point) => point?.executors ?? null)}
            />
            <Areas label="waiting" height={36} values={points.map((point) => point?.waiting ?? null)} />
            <p class="load-times quiet">
              {axisTimes(data.span).map((at) => (
                <span key={at}>{timeText(at)}</span>
              ))}
            </p>
          </div>
          <details>
            <summary>As a table</summary>
            <DataTable
              caption="The load of the executors"
              columns={columns}
              rows={parts(TABLE_PARTS).filter((point) => point !== null)}
              keyOf={({ at }) => at}
            />
          </details>
        </>
      )}
    </section>
  );
}

const columns: readonly TableColumn<LoadPoint>[] = [
  { label: 'From', cell: ({ at }) => timeText(at) },
  { label: 'Executors', isNumber: true, cell: ({ executors }) => averageText(executors) },
  { label: 'Working', isNumber: true, cell: ({ busy }) => averageText(busy) },
  { label: 'Subjobs that waited', isNumber: true, cell: ({ waiting }) => averageText(waiting) },
];

interface AreasProps {
  readonly label: string;
  readonly height: number;
  readonly values: readonly (number | null)[];
  /** The most that the values can be. */
  readonly behind?: readonly (number | null)[];
}

function Areas({ label, height, values, behind = [] }: AreasProps) {
  // Averages have fractions, executors and subjobs have none.
  const highest = Math.ceil(highestOf([...values, ...behind]));
  const path = (line: readonly (number | null)[]) => areaPath(line, highest, { width: WIDTH, height });
  return (
    <div class="areas">
      <span class="quiet">
        {highest} {label}
      </span>
      <svg
        viewBox={`0 0 ${WIDTH} ${height}`}
        height={height}
        preserveAspectRatio="none"
        class={label}
        aria-hidden="true"
      >
        <path class="behind" d={path(behind)} />
        <path d={path(values)} />
      </svg>
    </div>
  );
}

function timeText(at: number): string {
  return new Date(at * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
}
