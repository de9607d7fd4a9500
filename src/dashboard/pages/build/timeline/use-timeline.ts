import { useRef } from 'preact/hooks';
import type { BuildId } from '../../../../protocol/ids.js';
import { getJson } from '../../../api/api-calls.js';
import { type Loaded, useLoaded } from '../../../api/use-loaded.js';
import { type BuildTimeline, TimelineBars } from './timeline-bars.js';

const EVERY_MS = 2_000;

/** The timeline of a build. While it runs, the changes are loaded every other second. */
export function useTimeline(buildId: BuildId): Loaded<BuildTimeline> {
  const bars = useRef(new TimelineBars());
  return useLoaded(
    `timeline of ${buildId}`,
    async (signal) => {
      const { cursor } = bars.current;
      const query = cursor === null ? {} : { since: cursor };
      return bars.current.accept(
        await getJson('/v1/build/:buildId/timeline', { params: { buildId }, query, signal }),
      );
    },
    {
      isChangedBy: ({ tag, data }) => data.build_id === buildId && tag.startsWith('BUILD_'),
      everyMs: ({ isComplete }) => (isComplete ? null : EVERY_MS),
    },
  );
}
