import { CopyButton } from '../../parts/controls/copy-button.js';
import { Empty } from '../../parts/page/notices.js';
import { pathTo } from '../../router/page-paths.js';
import type { TabProps } from './build-tab.js';
import { FailuresPart } from './failures-part.js';
import { RunningPart } from './running-part.js';
import { AtomList } from './view/atom-list.js';
import { EndNote, Fact, FactList } from './view/fact-list.js';
import { shownAtom } from './view/shown-atom.js';

/** Failures first, then the work that goes on, then the facts of the build. */
export function OverviewTab(props: TabProps) {
  const { build } = props;
  const all = <a href={pathTo({ page: 'build', buildId: build.id, tab: 'atoms' })}>All atoms</a>;
  const shown = (atoms: typeof build.flaky_atoms) => (atoms ?? []).map((atom) => shownAtom(atom, build));
  const command = `clusterrunner status ${build.id}`;
  return (
    <>
      <EndNote build={build} />
      <FailuresPart {...props} />
      <RunningPart {...props} />
      {build.state === 'FINISHED' && build.num_atoms === 0 && (
        <Empty title="This build has no atoms.">
          <p>
            Its atomizers listed none, so nothing was run. The job is in clusterrunner.yaml of the project.
          </p>
        </Empty>
      )}
      <AtomList title="Flaky: passed when they ran again" atoms={shown(build.flaky_atoms)} more={all} />
      <AtomList
        title="Interrupted by the end of the build"
        atoms={shown(build.interrupted_atoms)}
        more={all}
      />
      <FactList build={build}>
        <Fact name="In a terminal">
          <code>{command}</code> <CopyButton text={command} label="Copy" />
        </Fact>
      </FactList>
    </>
  );
}
