import { NotAvailable } from '../../parts/page/notices.js';
import { usePageTitle } from '../../parts/text/page-title.js';

/** The builds that have not ended, and why they wait. */
export function QueuePage() {
  usePageTitle('Queue');
  return (
    <>
      <h1>Queue</h1>
      <NotAvailable what="The queue is" />
    </>
  );
}
