import { shownNames } from '../../job/atom-labels.js';
import type { NamedJob } from '../../protocol/build/job.js';
import type { AtomId } from '../../protocol/ids.js';
import type { ActiveBuild } from '../state/active-build.js';
import type { ActiveLease } from '../state/active-lease.js';
import type { LeasedAtom } from '../store/atoms.js';

/** Adds a failed atom to what watchers of the build see. `leased`: the atoms of its subjob. */
export function noteFailure(
  { build, slave }: Pick<ActiveLease, 'build' | 'slave'>,
  leased: readonly LeasedAtom[],
  atom: { readonly id: AtomId; readonly exit_code: number | null; readonly actual_time: number | null },
): void {
  const found = leased.find(({ id }) => id === atom.id);
  if (found === undefined) {
    build.failures.skip(1);
    return;
  }
  build.failures.note({
    atom_id: atom.id,
    name: shownNames(build)(found),
    outcome: 'FAILED',
    slave: slave.name,
    seconds: atom.actual_time,
    exit_code: atom.exit_code,
  });
}

/** The same for lost atoms. `leased` is null when they are not in memory. */
export function noteLost(build: ActiveBuild, leased: readonly LeasedAtom[] | null, count: number): void {
  if (leased === null) {
    build.failures.skip(count);
    return;
  }
  const nameOf = shownNames(build);
  for (const atom of leased) {
    build.failures.note({
      atom_id: atom.id,
      name: nameOf(atom),
      outcome: 'LOST',
      slave: null,
      seconds: null,
      exit_code: null,
    });
  }
}

/** Whether a failure counts as soon as it is reported: not where a retry may still change it. */
export function countsReports(job: NamedJob | null): boolean {
  return (job?.definition.retries ?? 0) === 0;
}
