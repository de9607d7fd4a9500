import type { Workload } from './workload.js';

/**
 * A lower bound in seconds for any schedule: work that arrives from some moment on needs the executors that are there from
 * then on, and atoms cannot be divided.
 */
export function lowerBound({ slaves, builds }: Workload): number {
  let bound = 0;
  for (const { arrives, atoms } of builds) {
    const longest = atoms.reduce((most, { actual }) => Math.max(most, actual), 0);
    const work = builds
      .filter((other) => other.arrives >= arrives)
      .reduce((sum, other) => sum + other.atoms.reduce((all, { actual }) => all + actual, 0), 0);
    bound = Math.max(bound, arrives + longest, whenDone(slaves, arrives, work));
  }
  return bound;
}

/** When this work is done if every executor works on it from `since` on. */
function whenDone(slaves: Workload['slaves'], since: number, work: number): number {
  const changes = slaves
    .flatMap(({ executors, joins, vanishes }) => [
      { at: Math.max(since, joins), by: executors },
      ...(vanishes === null ? [] : [{ at: Math.max(since, vanishes), by: -executors }]),
    ])
    .sort((a, b) => a.at - b.at);
  let [now, width, left] = [since, 0, work];
  for (const { at, by } of changes) {
    if (width > 0 && now + left / width <= at) {
      break;
    }
    left -= (at - now) * width;
    now = at;
    width += by;
  }
  return left <= 0 ? now : now + left / width;
}
