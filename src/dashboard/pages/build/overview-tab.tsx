import type { TabProps } from './build-tab.js';
import { FailuresPart } from './failures-part.js';

/** Failures first, then the facts of the build. */
export function OverviewTab(props: TabProps) {
  return (
    <>
      {props.build.error_message !== null && <p class="problem">{props.build.error_message}</p>}
      <FailuresPart {...props} />
    </>
  );
}
