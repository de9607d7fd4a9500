import type { Timeline } from '../../../protocol/build/timeline.js';
import type { TimelineParts, TimelineSince } from '../../state/master-api.js';
import { timelineMembers } from '../../views/timeline/timeline-json.js';
import type { Handlers } from '../handler.js';
import { PreparedJson } from '../response/prepared-json.js';
import type { HandlerDependencies } from './dependencies.js';

const END = 'end';

export function timelineHandlers({ service, reading }: HandlerDependencies): Pick<Handlers, 'getTimeline'> {
  // Changes are counted again in each run of the master.
  const run = service.sessionId.slice(0, 12);
  return {
    getTimeline: async ({ params, query, gone }) => {
      const parts = await reading.readTimeline(params.buildId, sinceOf(query.since, run), gone);
      const cursor = parts.count === null ? END : `${run}.${parts.count}`;
      return new PreparedJson<Timeline>(bytesOf(parts), () => timelineMembers(parts, cursor));
    },
  };
}

/** A cursor of another run of the master, or what is none, counts as none. */
function sinceOf(cursor: string | undefined, run: string): TimelineSince {
  if (cursor === undefined || cursor === END) {
    return cursor ?? null;
  }
  const [ofRun, count, ...more] = cursor.split('.');
  const isKnown = ofRun === run && more.length === 0 && /^\d{1,15}$/.test(count ?? '');
  return isKnown ? Number(count) : null;
}

function bytesOf({ atoms, retried, setups, fruitless }: TimelineParts): number {
  const columns = [atoms, retried, setups, fruitless].flatMap((bars) => Object.values(bars));
  return columns.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
