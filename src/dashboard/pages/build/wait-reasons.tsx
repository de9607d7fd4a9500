import type { BuildId } from '../../../protocol/ids.js';
import { getJson } from '../../api/api-calls.js';
import { useLoaded } from '../../api/use-loaded.js';
import { ReasonText } from '../../parts/status/reason-text.js';

const EVERY_MS = 3_000;

/** Why a build has not ended, in words. */
export function WaitReasons({ buildId }: { readonly buildId: BuildId }) {
  const { data } = useLoaded(
    `explanation of ${buildId}`,
    (signal) => getJson('/v1/build/:buildId/explain', { params: { buildId }, signal }),
    { isChangedBy: ({ data: { build_id } }) => build_id === buildId, everyMs: () => EVERY_MS },
  );
  return data === null ? null : (
    <p class="reasons">
      {data.explanation.reasons.map(({ reason, text }) => (
        <span key={reason}>
          <ReasonText text={text} />{' '}
        </span>
      ))}
    </p>
  );
}
