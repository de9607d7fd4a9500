import { CopyButton } from '../../parts/copy-button.js';
import { Status } from '../../parts/status.js';
import { lookOfBuild } from '../../parts/status-look.js';
import type { TabProps } from './build-tab.js';

/** The identity and the progress of a build. */
export function BuildHeader({ build }: TabProps) {
  const { job_name: job } = build.request_params;
  return (
    <div class="build-head">
      <h1>
        Build {build.id} <bdi>{job ?? ''}</bdi>
      </h1>
      <CopyButton text={window.location.origin + window.location.pathname} label="Copy link" />
      <Status look={lookOfBuild(build)} />
      <p>
        {build.num_atoms_done} of {build.num_atoms ?? '?'} atoms, {build.num_atoms_failed} failed
      </p>
    </div>
  );
}
