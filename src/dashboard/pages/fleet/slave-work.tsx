import { durationText } from '../../../lib/text/duration-text.js';
import type { BuildId } from '../../../protocol/ids.js';
import type { SlaveWork } from '../../../protocol/slave/slave-list.js';
import type { Slave } from '../../../protocol/slave/slave-messages.js';
import { now } from '../../parts/text/ticking-now.js';
import { pathTo } from '../../router/page-paths.js';

/* The work of a slave in a cell of a table. */

const MOST_SQUARES = 24;
const SQUARE = 8;

/** One square for each executor, filled while it works, with its work as a tooltip; and the numbers. */
export function ExecutorStrip({ slave }: { readonly slave: Slave }) {
  const { num_executors: all, num_executors_in_use: busy, work = [] } = slave;
  const squares = Math.min(all, MOST_SQUARES);
  const filled = Math.ceil((squares * busy) / Math.max(1, all));
  return (
    <span class="strip">
      <svg width={squares * SQUARE} height={SQUARE} aria-hidden="true">
        {Array.from({ length: squares }, (_, place) => (
          <rect
            key={place}
            x={place * SQUARE + 0.5}
            y={0.5}
            width={SQUARE - 2}
            height={SQUARE - 2}
            class={place < filled ? 'busy' : undefined}
          >
            <title>{place < filled ? workText(work[place]) : 'free'}</title>
          </rect>
        ))}
      </svg>
      {busy} of {all}
    </span>
  );
}

function workText(work: SlaveWork | undefined): string {
  if (work === undefined) {
    return 'at work';
  }
  const { build_id: build, subjob_id: subjob, atom_id: atom, since } = work;
  const what = atom === null ? (subjob === null ? 'preparation' : `subjob ${subjob}`) : `atom ${atom}`;
  return `build ${build}, ${what}, for ${durationText(now.value - since)}`;
}

const MOST_BUILDS = 3;

/** The builds that its executors work on, each with a link to its running atoms on this slave. */
export function BuildsOfSlave({ slave }: { readonly slave: Slave }) {
  const numbers = new Map<BuildId, number>();
  for (const { build_id } of slave.work ?? []) {
    numbers.set(build_id, (numbers.get(build_id) ?? 0) + 1);
  }
  const builds = [...numbers];
  return (
    <>
      {builds.slice(0, MOST_BUILDS).map(([buildId, number], place) => (
        <span key={buildId}>
          {place > 0 && ', '}
          <a href={atomsOnSlave(buildId, slave)}>build {buildId}</a>
          {number > 1 && ` ×${number}`}
        </span>
      ))}
      {builds.length > MOST_BUILDS && `, ${builds.length - MOST_BUILDS} more`}
    </>
  );
}

/** The path of the atoms of a build on a slave. */
export function atomsOnSlave(buildId: BuildId, { name }: Pick<Slave, 'name'>): string {
  return `${pathTo({ page: 'build', buildId, tab: 'atoms' })}?slave=${encodeURIComponent(name)}`;
}
