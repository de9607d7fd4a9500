import { quantilesText } from '../../../lib/text/quantiles-text.js';
import type { AtomHistoryWithDays, AtomRunInBuild } from '../../../protocol/build/history.js';
import type { AtomId, BuildId } from '../../../protocol/ids.js';
import { getJson } from '../../api/api-calls.js';
import { useLoaded } from '../../api/use-loaded.js';
import { VerdictStrip } from '../../parts/status/verdict-strip.js';
import { Timestamp } from '../../parts/text/timestamp.js';
import { pathTo } from '../../router/page-paths.js';
import { failuresOfRuns, flakinessText, keptRun } from './run-facts.js';

interface PastRunsProps {
  readonly buildId: BuildId;
  readonly atomId: AtomId;
  /** Seconds since the epoch when the build ended; null while it runs. */
  readonly endedAt: number | null;
}

/** A build comes into the history soon after its end, without an event. */
const RECORDED_WITHIN_S = 60;
const LOOK_EVERY_MS = 5_000;

/** How an atom did in earlier builds of its job. */
export function PastRuns({ buildId, atomId, endedAt }: PastRunsProps) {
  const { data } = useLoaded(
    `history of atom ${buildId}/${atomId} ${endedAt !== null}`,
    (signal) => getJson('/v1/build/:buildId/atom/:atomId/history', { params: { buildId, atomId }, signal }),
    {
      everyMs: () =>
        endedAt !== null && Date.now() / 1000 - endedAt < RECORDED_WITHIN_S ? LOOK_EVERY_MS : null,
    },
  );
  // The console is of use without it, so it is left out until it is there.
  if (data === null || data.job_id === null) {
    return null;
  }
  const job = pathTo({ page: 'job', jobId: data.job_id });
  return (
    <p class="facts">
      {data.history === null ? (
        <span class="quiet">No earlier run of this atom is recorded.</span>
      ) : (
        <>
          <Runs history={data.history} buildId={buildId} />
          <a href={`${job}?atom=${encodeURIComponent(data.history.name)}`}>History of the atom</a>
        </>
      )}
      <a href={job}>History of the job</a>
    </p>
  );
}

function Runs({ history, buildId }: { readonly history: AtomHistoryWithDays; readonly buildId: BuildId }) {
  const { failing_since: since, last_passed: passed, last } = history;
  const flakiness = flakinessText(history);
  return (
    <>
      <VerdictStrip
        runs={last}
        hrefOf={(run) => (run.retained ? pathOfRun(run) : null)}
        isCurrent={({ build_id }) => build_id === buildId}
      />
      {since !== null && (
        <span>
          <span class="tone-bad">fails since</span> <RunLink history={history} build={since.build_id} />
          {', '}
          <Timestamp at={since.at} />
          {passed === null ? (
            '; no earlier run passed'
          ) : (
            <>
              ; passed last in <RunLink history={history} build={passed} />
            </>
          )}
        </span>
      )}
      <span>{failuresOfRuns(history)}</span>
      {flakiness !== null && <span class="tone-warn">{flakiness}</span>}
      <span>{quantilesText(history)}</span>
    </>
  );
}

function RunLink({ history, build }: { readonly history: AtomHistoryWithDays; readonly build: BuildId }) {
  const run = keptRun(history, build);
  return run === null ? <>build {build}</> : <a href={pathOfRun(run)}>build {build}</a>;
}

function pathOfRun({ build_id: buildId, atom_id: atomId }: AtomRunInBuild): string {
  return pathTo({ page: 'atom', buildId, atomId });
}
