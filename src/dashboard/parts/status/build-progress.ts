import type { Build } from '../../../protocol/build/build.js';
import { lookOfBuild } from './status-look.js';

/* The progress of a build in numbers and words. */

type Progressing = Pick<
  Build,
  'num_atoms' | 'num_atoms_done' | 'num_atoms_failed' | 'num_atoms_flaky' | 'num_atoms_cached'
>;

/** The parts of all atoms that passed and failed, in percent; both 0 before the atoms are known. */
export interface ProgressShares {
  readonly passed: number;
  readonly failed: number;
}

export function progressShares({
  num_atoms: all,
  num_atoms_done: done,
  num_atoms_failed: failed,
}: Progressing): ProgressShares {
  if (all === null || all === 0) {
    return { passed: 0, failed: 0 };
  }
  const numFailed = Math.min(failed, all);
  const numPassed = Math.max(0, Math.min(done, all) - numFailed);
  return { passed: (100 * numPassed) / all, failed: (100 * numFailed) / all };
}

/** The share of atoms with a verdict in whole percent; never 100 before the last one. null before the atoms are known. */
export function percentDone({ num_atoms: all, num_atoms_done: done }: Progressing): number | null {
  return all === null || all === 0 ? null : Math.min(done >= all ? 100 : 99, Math.floor((100 * done) / all));
}

/** `45 of 100 atoms, 3 failed, 1 flaky, 40 cached`. */
export function atomsText(build: Progressing & Pick<Build, 'status'>): string {
  const { num_atoms: all, num_atoms_done: done } = build;
  if (all === null) {
    return build.status === 'BUILDING'
      ? 'its atoms are not known yet'
      : 'it ended before its atoms were listed';
  }
  const number = (n: number) => n.toLocaleString('en-US');
  return [
    done >= all
      ? `${number(all)} ${all === 1 ? 'atom' : 'atoms'}`
      : `${number(done)} of ${number(all)} atoms`,
    ...(['failed', 'flaky', 'cached'] as const).flatMap((word) => {
      const atoms = build[`num_atoms_${word}`];
      return atoms > 0 ? [`${number(atoms)} ${word}`] : [];
    }),
  ].join(', ');
}

/** The title of the browser's tab: `✗ 3 failed · 45 % – unit tests`, `✓ passed – unit tests`. */
export function titleOfBuild(build: Build): string {
  const { sign, word } = lookOfBuild(build);
  const name = build.request_params.job_name ?? `build ${build.id}`;
  const failed = build.num_atoms_failed;
  const percent = percentDone(build);
  const facts = [
    failed > 0 ? `${sign} ${failed} failed` : `${sign} ${word}`,
    ...(build.status === 'BUILDING' && percent !== null ? [`${percent} %`] : []),
  ];
  return `${facts.join(' · ')} – ${name}`;
}

/** Seconds since the epoch; null while it runs. */
export function endOfBuild({ state_timestamps: times }: Pick<Build, 'state_timestamps'>): number | null {
  return times.FINISHED ?? times.CANCELED ?? times.ERROR ?? null;
}

/** Seconds from the request to its end, or to `now` (seconds since the epoch). */
export function secondsOfBuild(build: Pick<Build, 'state_timestamps'>, now: number): number {
  const end = endOfBuild(build) ?? now;
  return Math.max(0, end - (build.state_timestamps.QUEUED ?? end));
}
