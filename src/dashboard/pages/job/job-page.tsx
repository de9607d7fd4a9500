import { NotAvailable } from '../../parts/notices.js';
import { usePageTitle } from '../../parts/page-title.js';

/** The history of one job. */
export function JobPage({ jobId }: { readonly jobId: number }) {
  usePageTitle(`Job ${jobId}`);
  return (
    <>
      <h1>Job {jobId}</h1>
      <NotAvailable what="The history of jobs is" />
    </>
  );
}
