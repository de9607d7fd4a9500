import { target } from '../router/location.js';
import { AtomPage } from './atom/atom-page.js';
import { BuildPage } from './build/build-page.js';
import { BuildListPage } from './builds/build-list-page.js';
import { FleetPage } from './fleet/fleet-page.js';
import { JobPage } from './job/job-page.js';
import { JobsPage } from './job/jobs-page.js';
import { LoginPage } from './login/login-page.js';
import { PageFrame } from './page-frame.js';
import { QueuePage } from './queue/queue-page.js';

/** The page that the address names, in its frame. */
export function DashboardPage() {
  return (
    <PageFrame>
      <Content />
    </PageFrame>
  );
}

function Content() {
  const shown = target.value;
  switch (shown.page) {
    case 'builds':
      return <BuildListPage />;
    case 'build':
      return <BuildPage key={shown.buildId} buildId={shown.buildId} tab={shown.tab} />;
    case 'atom':
      return (
        <AtomPage key={`${shown.buildId}/${shown.atomId}`} buildId={shown.buildId} atomId={shown.atomId} />
      );
    case 'jobs':
      return <JobsPage />;
    case 'job':
      return <JobPage key={shown.jobId} jobId={shown.jobId} />;
    case 'queue':
      return <QueuePage />;
    case 'fleet':
      return <FleetPage />;
    case 'login':
      return <LoginPage />;
    case 'unknown':
      return (
        <>
          <h1>There is no such page.</h1>
          <p>
            The <a href="/ui/builds">builds</a> lead to everything.
          </p>
        </>
      );
  }
}
