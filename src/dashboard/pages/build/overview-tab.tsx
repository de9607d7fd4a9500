import { masterCommand } from '../../../lib/text/master-command.js';
import type { Atom } from '../../../protocol/build/work.js';
import { clusterHasEnded, commandMaster, masterVersion } from '../../api/master-version.js';
import { CopyButton } from '../../parts/controls/copy-button.js';
import { Empty } from '../../parts/page/notices.js';
import { pathTo } from '../../router/page-paths.js';
import { folderOfAtom, OUTPUT_FILE, pathToPlace } from './artifacts/artifact-place.js';
import type { EarlyTabProps, TabProps } from './build-tab.js';
import { FailuresPart } from './failures-part.js';
import { RunningPart } from './running-part.js';
import { AtomList } from './view/atom-list.js';
import { EndNote, Fact, FactList } from './view/fact-list.js';
import { shownAtom } from './view/shown-atom.js';

/** Failures first, then the work that goes on, then the facts of the build. */
export function OverviewTab({ buildId, build }: EarlyTabProps) {
  return (
    <>
      {build !== null && <EndNote build={build} />}
      <FailuresPart buildId={buildId} build={build} />
      {build !== null && <BelowFailures build={build} />}
    </>
  );
}

function BelowFailures({ build }: Pick<TabProps, 'build'>) {
  const all = <a href={pathTo({ page: 'build', buildId: build.id, tab: 'atoms' })}>All atoms</a>;
  const shown = (atoms: typeof build.flaky_atoms) => (atoms ?? []).map((atom) => shownAtom(atom, build));
  const isLive = !clusterHasEnded.value && masterVersion.value?.past_builds !== true;
  const command = masterCommand(`status ${build.id}`, commandMaster());
  return (
    <>
      <RunningPart build={build} />
      {build.state === 'FINISHED' && build.num_atoms === 0 && (
        <Empty title="This build has no atoms.">
          <p>
            Its atomizers listed none, so nothing was run. The job is in clusterrunner.yaml of the project.
          </p>
        </Empty>
      )}
      <AtomList
        title="Flaky: passed when they ran again"
        atoms={shown(build.flaky_atoms)}
        more={all}
        renderNote={(id) => (
          <FirstFailure build={build} atom={build.flaky_atoms?.find((atom) => atom.id === id)} />
        )}
      />
      <AtomList
        title="Interrupted by the end of the build"
        atoms={shown(build.interrupted_atoms)}
        more={all}
      />
      <FactList build={build}>
        {isLive && (
          <Fact name="In a terminal">
            <code>{command}</code> <CopyButton text={command} label="Copy" />
          </Fact>
        )}
      </FactList>
    </>
  );
}

interface FirstFailureProps {
  readonly build: TabProps['build'];
  /** As the build lists it, with the subjob of the first failure. */
  readonly atom: Atom | undefined;
}

/** Where the output and the files of the run are in which a flaky atom failed. */
function FirstFailure({ build, atom }: FirstFailureProps) {
  if (atom === undefined) {
    return null;
  }
  const folder = folderOfAtom(atom);
  return (
    <span class="quiet">
      {' '}
      first failure: <a href={pathToPlace(build.id, { folder, file: OUTPUT_FILE })}>output</a>
      {', '}
      <a href={pathToPlace(build.id, { folder, file: null })}>files</a>
    </span>
  );
}
