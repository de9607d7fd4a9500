import type { BuildId } from '../../../protocol/ids.js';
import { getJson } from '../../api/api-calls.js';
import type { ApiProblem } from '../../api/api-problem.js';
import { useLoaded } from '../../api/use-loaded.js';
import { Loading, ProblemNotice } from '../../parts/page/notices.js';
import { usePageTitle } from '../../parts/text/page-title.js';
import { type BuildTab, buildTabs, pathTo } from '../../router/page-paths.js';
import { ArtifactsTab } from './artifacts-tab.js';
import { AtomsTab } from './atoms-tab.js';
import { BuildHeader } from './build-header.js';
import type { TabProps } from './build-tab.js';
import { OverviewTab } from './overview-tab.js';
import { TimelineTab } from './timeline-tab.js';

const labels: Readonly<Record<BuildTab, string>> = {
  overview: 'Overview',
  atoms: 'Atoms',
  timeline: 'Timeline',
  artifacts: 'Artifacts',
};

/** Its running atoms and time left change without an event. */
const RUNNING_EVERY_MS = 2_000;

/** One build: its head, and the tab that the address names. */
export function BuildPage({ buildId, tab }: { readonly buildId: BuildId; readonly tab: BuildTab }) {
  const { data, problem, reload } = useLoaded(
    `build ${buildId}`,
    (signal) => getJson('/v1/build/:buildId', { params: { buildId }, signal }),
    {
      isChangedBy: ({ data: { build_id } }) => build_id === buildId,
      everyMs: ({ build }) => (build.status === 'BUILDING' ? RUNNING_EVERY_MS : null),
    },
  );
  if (data === null && problem !== null) {
    return <Missing buildId={buildId} problem={problem} />;
  }
  const props = data === null ? null : { build: data.build, reload };
  // The tab is there from the beginning, since what it loads need not wait for the build.
  return (
    <>
      {props === null ? <Loading /> : <Head tab={tab} {...props} problem={problem} />}
      <Tab tab={tab} buildId={buildId} props={props} />
    </>
  );
}

interface HeadProps extends TabProps {
  readonly tab: BuildTab;
  readonly problem: ApiProblem | null;
}

function Head({ tab, problem, ...props }: HeadProps) {
  return (
    <>
      <BuildHeader {...props} />
      <nav class="links tabs" aria-label="Parts of the build">
        {buildTabs.map((name) => (
          <a
            key={name}
            href={pathTo({ page: 'build', buildId: props.build.id, tab: name })}
            aria-current={name === tab ? 'page' : undefined}
          >
            {labels[name]}
          </a>
        ))}
      </nav>
      <ProblemNotice problem={problem} />
    </>
  );
}

/** In the place of a build that cannot be shown, such as one that was deleted. */
function Missing({ buildId, problem }: { readonly buildId: BuildId; readonly problem: ApiProblem }) {
  usePageTitle(`Build ${buildId}`);
  return (
    <>
      <h1>Build {buildId}</h1>
      <ProblemNotice problem={problem} />
      {problem.status === 404 && (
        <p>
          Old builds are deleted with their results, as the settings <code>builds_kept</code> and{' '}
          <code>results_kept_days</code> of the master say. The <a href="/ui/jobs">jobs</a> keep their
          history; the <a href="/ui/builds">builds</a> are those that are left.
        </p>
      )}
    </>
  );
}

interface ShownTabProps {
  readonly tab: BuildTab;
  readonly buildId: BuildId;
  /** null before the build is loaded. */
  readonly props: TabProps | null;
}

function Tab({ tab, buildId, props }: ShownTabProps) {
  const build = props?.build ?? null;
  switch (tab) {
    case 'overview':
      return <OverviewTab buildId={buildId} build={build} />;
    case 'atoms':
      return <AtomsTab buildId={buildId} build={build} />;
    case 'timeline':
      return <TimelineTab buildId={buildId} build={build} />;
    case 'artifacts':
      return props === null ? null : <ArtifactsTab {...props} />;
  }
}
