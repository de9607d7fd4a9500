import type { BuildId } from '../../../protocol/ids.js';
import { getJson } from '../../api/api-calls.js';
import { useLoaded } from '../../api/use-loaded.js';

const EVERY_MS = 3_000;

/** Why a build has not ended, in words. */
export function WaitReasons({ buildId }: { readonly buildId: BuildId }) {
  const { data } = useLoaded(
    `explanation of ${buildId}`,
    (signal) => getJson('/v1/build/:buildId/explain', { params: { buildId }, signal }),
    { isChangedBy: ({ data: { build_id } }) => build_id === buildId, everyMs: () => EVERY_MS },
  );
  if (data === null) {
    return null;
  }
  const { reasons, builds } = data.explanation;
  const others = builds.filter(({ build_id }) => build_id !== buildId);
  return (
    <p class="reasons">
      {reasons.map(({ reason, text }) => (
        <span key={reason}>{text} </span>
      ))}
      {others.length > 0 && 'Others that run: '}
      {others.map(({ build_id, num_executors }, index) => (
        <span key={build_id}>
          {index > 0 && ', '}
          <a href={`/ui/build/${build_id}`}>build {build_id}</a> ({num_executors})
        </span>
      ))}
    </p>
  );
}
