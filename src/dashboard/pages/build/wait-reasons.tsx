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
  // It has ended since its head was loaded, which will say so.
  const reasons = data?.explanation.reasons.filter(({ reason }) => reason !== 'ENDED') ?? [];
  return reasons.length === 0 ? null : (
    <p class="reasons">
      {reasons.map(({ reason, text }) => (
        <span key={reason}>
          <ReasonText text={text} />{' '}
        </span>
      ))}
    </p>
  );
}
