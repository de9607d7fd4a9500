import type { AtomId, BuildId } from '../../../protocol/ids.js';
import { NotAvailable } from '../../parts/notices.js';
import { usePageTitle } from '../../parts/page-title.js';

/** One atom: its console, its history and its artifacts. */
export function AtomPage({ buildId, atomId }: { readonly buildId: BuildId; readonly atomId: AtomId }) {
  usePageTitle(`Atom ${atomId} of build ${buildId}`);
  return (
    <>
      <h1>
        Atom {atomId} of <a href={`/ui/build/${buildId}`}>build {buildId}</a>
      </h1>
      <NotAvailable what="The console is" />
    </>
  );
}
