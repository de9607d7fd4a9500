import { NotAvailable } from '../../parts/page/notices.js';
import { usePageTitle } from '../../parts/text/page-title.js';

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
