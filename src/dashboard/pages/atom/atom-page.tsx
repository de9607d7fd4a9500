import type { Atom } from '../../../protocol/build/work.js';
import type { AtomId, BuildId } from '../../../protocol/ids.js';
import { getJson, linkTo } from '../../api/api-calls.js';
import { useLoaded } from '../../api/use-loaded.js';
import { Loading, ProblemNotice } from '../../parts/page/notices.js';
import { endOfBuild } from '../../parts/status/build-progress.js';
import { lookOfAtom } from '../../parts/status/status-look.js';
import { atomLabel } from '../../parts/text/atom-label.js';
import { usePageTitle } from '../../parts/text/page-title.js';
import { folderOfAtom, OUTPUT_FILE } from '../build/artifacts/artifact-place.js';
import { AtomHead } from './atom-head.js';
import { ConsolePart } from './console/console-part.js';
import { PastRuns } from './past-runs.js';

/** Its state changes without an event. */
const RUNNING_EVERY_MS = 2_000;

/** One atom: its facts, its history and its console. */
export function AtomPage({ buildId, atomId }: { readonly buildId: BuildId; readonly atomId: AtomId }) {
  const { data, problem } = useLoaded(
    `atom ${buildId}/${atomId}`,
    async (signal) => {
      const [{ build }, { atom }] = await Promise.all([
        getJson('/v1/build/:buildId', { params: { buildId }, signal }),
        getJson('/v1/build/:buildId/atom/:atomId', { params: { buildId, atomId }, signal }),
      ]);
      return { build, atom };
    },
    {
      isChangedBy: ({ data: { build_id } }) => build_id === buildId,
      everyMs: ({ build }) => (build.status === 'BUILDING' ? RUNNING_EVERY_MS : null),
    },
  );
  const label =
    data === null ? `Atom ${atomId}` : atomLabel(data.atom.command_string, data.build.atom_variables);
  const look = data === null ? null : lookOfAtom(data.atom);
  usePageTitle(`${look?.sign ?? ''} ${label} – build ${buildId}`.trim(), look?.tone ?? null);
  if (data === null) {
    return (
      <>
        <h1>
          Atom {atomId} of <a href={`/ui/build/${buildId}`}>build {buildId}</a>
        </h1>
        {problem === null ? <Loading /> : <ProblemNotice problem={problem} />}
      </>
    );
  }
  const { atom, build } = data;
  const isRunning = build.status === 'BUILDING' && atom.outcome === null;
  return (
    <div class="atom-page">
      <AtomHead atom={atom} build={build} label={label} />
      <PastRuns buildId={buildId} atomId={atomId} endedAt={endOfBuild(build)} />
      <ProblemNotice problem={problem} />
      <ConsolePart
        buildId={buildId}
        atomId={atomId}
        isRunning={isRunning}
        download={
          isRunning
            ? null
            : linkTo('/v1/build/:buildId/artifact/:folder/*path', {
                params: { buildId, folder: folderOfAtom(atom), path: OUTPUT_FILE },
              })
        }
        emptyTitle={emptyTitle(atom, isRunning)}
      />
    </div>
  );
}

function emptyTitle({ state, outcome }: Atom, isRunning: boolean): string {
  if (state === 'NOT_STARTED') {
    return isRunning ? 'The atom has not run yet.' : 'The atom has not run.';
  }
  if (outcome === 'LOST') {
    return 'No output of the atom was received before its slaves were lost.';
  }
  return isRunning ? 'The atom has printed nothing so far.' : 'The atom printed nothing.';
}
