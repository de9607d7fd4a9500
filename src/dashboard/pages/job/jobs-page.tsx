import { NotAvailable } from '../../parts/page/notices.js';
import { usePageTitle } from '../../parts/text/page-title.js';

/** All jobs of which builds are known. */
export function JobsPage() {
  usePageTitle('Jobs');
  return (
    <>
      <h1>Jobs</h1>
      <NotAvailable what="The list of jobs is" />
    </>
  );
}
