import { NotAvailable } from '../../parts/page/notices.js';
import type { TabProps } from './build-tab.js';

/** Executors down, time across. */
export function TimelineTab(_props: TabProps) {
  return <NotAvailable what="The timeline is" />;
}
