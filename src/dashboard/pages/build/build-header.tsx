import { CopyButton } from '../../parts/controls/copy-button.js';
import { address } from '../../router/location.js';
import { pathTo } from '../../router/page-paths.js';
import { BuildActions } from './build-actions.js';
import type { TabProps } from './build-tab.js';
import { BuildTop } from './view/build-top.js';
import { WaitReasons } from './wait-reasons.js';

/** The head of a build's page, with what one can do with the build, and why it waits. */
export function BuildHeader(props: TabProps) {
  const { build } = props;
  return (
    <BuildTop
      build={build}
      buttons={
        <>
          {build.job_id != null && (
            <a href={pathTo({ page: 'job', jobId: build.job_id })}>History of the job</a>
          )}
          <BuildActions {...props} />
          <CopyButton text={address.value.href} label="Copy link" />
        </>
      }
    >
      {build.status === 'BUILDING' && <WaitReasons buildId={build.id} />}
    </BuildTop>
  );
}
