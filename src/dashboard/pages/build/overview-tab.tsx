import type { ComponentChildren } from 'preact';
import type { Build } from '../../../protocol/build/build.js';
import type { Atom } from '../../../protocol/build/work.js';
import { CopyButton } from '../../parts/controls/copy-button.js';
import { Empty } from '../../parts/page/notices.js';
import { atomLabel } from '../../parts/text/atom-label.js';
import { pathTo } from '../../router/page-paths.js';
import type { TabProps } from './build-tab.js';
import { FailuresPart } from './failures-part.js';
import { RunningPart } from './running-part.js';

/** Failures first, then the work that goes on, then the facts of the build. */
export function OverviewTab(props: TabProps) {
  const { build } = props;
  return (
    <>
      {build.error_message !== null && (
        <p class={build.state === 'CANCELED' ? 'note' : 'problem'}>{build.error_message}</p>
      )}
      <FailuresPart {...props} />
      <RunningPart {...props} />
      {build.state === 'FINISHED' && build.num_atoms === 0 && (
        <Empty title="This build has no atoms.">
          <p>
            Its atomizers listed none, so nothing was run. The job is in clusterrunner.yaml of the project.
          </p>
        </Empty>
      )}
      <AtomList build={build} title="Flaky: passed when they ran again" atoms={build.flaky_atoms} />
      <AtomList build={build} title="Interrupted by the end of the build" atoms={build.interrupted_atoms} />
      <Facts build={build} />
    </>
  );
}

const MAX_LISTED = 100;

interface AtomListProps {
  readonly build: Build;
  readonly title: string;
  readonly atoms: readonly Atom[] | null;
}

function AtomList({ build: { id: buildId, atom_variables: variables }, title, atoms }: AtomListProps) {
  if (atoms === null || atoms.length === 0) {
    return null;
  }
  return (
    <section>
      <h2>{title}</h2>
      <ul class="plain">
        {atoms.slice(0, MAX_LISTED).map(({ id, command_string, error }) => (
          <li key={id}>
            <a href={pathTo({ page: 'atom', buildId, atomId: id })} data-row>
              <bdi>{atomLabel(command_string, variables)}</bdi>
            </a>
            {error !== null && <span class="quiet"> {error}</span>}
          </li>
        ))}
      </ul>
      {atoms.length > MAX_LISTED && (
        <p>
          <a href={pathTo({ page: 'build', buildId, tab: 'atoms' })}>All atoms</a>
        </p>
      )}
    </section>
  );
}

function Facts({ build }: { readonly build: Build }) {
  const { tests, request_params: request } = build;
  const command = `clusterrunner status ${build.id}`;
  return (
    <section>
      <h2>Facts</h2>
      <dl class="fact-list">
        {tests !== null && (
          <Fact name="Test cases">
            {tests.tests}, {tests.failures + tests.errors} failed, {tests.skipped} skipped
          </Fact>
        )}
        {build.num_bad_reports > 0 && <Fact name="Unreadable test reports">{build.num_bad_reports}</Fact>}
        {build.num_left_out > 0 && <Fact name="Incomplete files in the results">{build.num_left_out}</Fact>}
        {request.url !== undefined && (
          <Fact name="Repository">
            <bdi>{request.url}</bdi>
          </Fact>
        )}
        {request.project_directory !== undefined && (
          <Fact name="Folder">
            <bdi>{request.project_directory}</bdi>
          </Fact>
        )}
        {build.revision !== null && (
          <Fact name="Commit">
            <code>{build.revision.commit}</code>
          </Fact>
        )}
        {build.num_subjobs !== null && <Fact name="Subjobs">{build.num_subjobs}</Fact>}
        <Fact name="In a terminal">
          <code>{command}</code> <CopyButton text={command} label="Copy" />
        </Fact>
      </dl>
    </section>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
