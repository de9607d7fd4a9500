import { sendJson } from '../../api/api-calls.js';
import { mayAct } from '../../api/browser-session.js';
import { clusterHasEnded, masterVersion } from '../../api/master-version.js';
import { ActionButton } from '../../parts/controls/action-button.js';
import { navigate } from '../../router/location.js';
import { pathTo } from '../../router/page-paths.js';
import type { TabProps } from './build-tab.js';

const REQUESTER = 'dashboard';

/** The changes of a build that its state permits, for those who may. */
export function BuildActions({ build, reload }: TabProps) {
  const { id: buildId, num_atoms_failed: numFailed } = build;
  const isLast = build.status !== 'BUILDING' && masterVersion.value?.ends_with_build === true;
  if (!mayAct.value || isLast || clusterHasEnded.value) {
    return null;
  }
  const subject = (
    <>
      build {buildId} <bdi>{build.request_params.job_name ?? ''}</bdi>
    </>
  );
  const rerun = (atoms: 'failed' | 'all') => async () => {
    const { build_id } = await sendJson(
      'POST',
      '/v1/build/:buildId/rerun',
      { buildId },
      { atoms, requested_by: REQUESTER },
    );
    navigate(pathTo({ page: 'build', buildId: build_id, tab: 'overview' }));
  };
  const cancel = async () => {
    await sendJson('PUT', '/v1/build/:buildId', { buildId }, { status: 'canceled' });
    reload();
  };
  if (build.status === 'BUILDING') {
    return (
      <ActionButton label="Cancel the build" subject={subject} run={cancel}>
        <p>Atoms that run are ended. The results of those that have ended are kept.</p>
      </ActionButton>
    );
  }
  return (
    <>
      {numFailed > 0 && (
        <ActionButton label="Rerun failed atoms" subject={subject} run={rerun('failed')}>
          <p>
            A new build runs the {numFailed} failed {numFailed === 1 ? 'atom' : 'atoms'} again, with the same
            commit and job.
          </p>
        </ActionButton>
      )}
      <ActionButton label="Rerun all" subject={subject} run={rerun('all')}>
        <p>A new build runs everything again, with the same commit and job.</p>
      </ActionButton>
    </>
  );
}
