import { durationText } from '../../../lib/text/duration-text.js';
import { percentText } from '../../../lib/text/percent-text.js';
import { quantilesText } from '../../../lib/text/quantiles-text.js';
import type { AtomHistoryWithDays } from '../../../protocol/build/history.js';
import type { JobId } from '../../../protocol/ids.js';
import { getJson } from '../../api/api-calls.js';
import { useLoaded } from '../../api/use-loaded.js';
import { Loading, ProblemNotice } from '../../parts/page/notices.js';
import { historyLabel } from '../../parts/text/history-label.js';
import { now } from '../../parts/text/ticking-now.js';
import { Timestamp } from '../../parts/text/timestamp.js';
import { verdictOf } from './atom-verdict.js';
import { barsOfRuns } from './trend-bars.js';
import { TrendChart } from './trend-chart.js';

interface AtomHistoryPartProps {
  readonly jobId: JobId;
  /** As in the history. */
  readonly name: string;
  readonly variables: readonly string[];
}

/** The runs of one atom of a job. */
export function AtomHistoryPart({ jobId, name, variables }: AtomHistoryPartProps) {
  const { data, problem } = useLoaded(
    `history of ${jobId} ${name}`,
    (signal) => getJson('/v1/job/:jobId/atom/history', { params: { jobId }, query: { name }, signal }),
    { isChangedBy: ({ tag }) => tag.startsWith('BUILD_') },
  );
  const label = historyLabel(name, variables);
  return (
    <section aria-labelledby="atom-history">
      <h2 id="atom-history">
        <bdi>{label}</bdi>
      </h2>
      <ProblemNotice problem={problem} />
      {data === null && problem === null && <Loading />}
      {data !== null && <History {...data} />}
      <p>
        <a href={`/ui/job/${jobId}`}>All lists of the job</a>
      </p>
    </section>
  );
}

function History({ atom }: { readonly atom: AtomHistoryWithDays }) {
  const verdict = verdictOf(atom, now.value);
  return (
    <>
      <p class={`tone-${verdict.tone}`}>{verdict.text}</p>
      <TrendChart label="Durations and verdicts of its runs" bars={barsOfRuns(atom.last)} />
      <p class="facts">
        <span>
          {atom.failures} of {atom.runs} runs failed, {atom.flaky} passed when they were repeated
        </span>
        <span>flakiness {percentText(atom.flakiness)}</span>
        <span>{quantilesText(atom)}</span>
        {atom.retry_seconds > 0 && <span>{durationText(atom.retry_seconds)} lost to retries</span>}
        <span>
          known since <Timestamp at={atom.first_seen.at} />
        </span>
      </p>
    </>
  );
}
