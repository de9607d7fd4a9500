import { NotAvailable } from '../../parts/notices.js';
import { usePageTitle } from '../../parts/page-title.js';

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
