import { NotAvailable } from '../../parts/page/notices.js';
import { usePageTitle } from '../../parts/text/page-title.js';

/** The slaves and their executors. */
export function FleetPage() {
  usePageTitle('Fleet');
  return (
    <>
      <h1>Fleet</h1>
      <NotAvailable what="The list of slaves is" />
    </>
  );
}
