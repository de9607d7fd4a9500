import { NotAvailable } from '../../parts/notices.js';
import type { TabProps } from './build-tab.js';

/** All atoms of a build. */
export function AtomsTab(_props: TabProps) {
  return <NotAvailable what="The list of atoms is" />;
}
