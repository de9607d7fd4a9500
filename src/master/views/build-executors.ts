import type { ActiveBuild } from '../state/active-build.js';
import type { ActiveLease } from '../state/active-lease.js';
import type { ActiveLeases } from '../state/active-leases.js';
import type { RegisteredSlave } from '../state/registered-slave.js';

/** The leases of one slave that occupy its executors for one build. */
export interface SlaveShare {
  readonly slave: RegisteredSlave;
  readonly held: readonly ActiveLease[];
}

/** How many executors work on a build, and how many of these wait for the setup of their slave. */
export function executorsOf(
  leases: ActiveLeases,
  build: ActiveBuild,
): { readonly busy: number; readonly settingUp: number } {
  let [busy, settingUp] = [0, 0];
  for (const { held } of sharesOf(leases, build)) {
    busy += held.length;
    settingUp += isSettingUp(held) ? held.length : 0;
  }
  return { busy, settingUp };
}

/** Whether the slave that holds these leases of a build still has to set it up; all of them wait for the first. */
export function isSettingUp(held: readonly ActiveLease[]): boolean {
  return (
    held.every(({ hasBegun }) => !hasBegun) &&
    held.some((lease) => lease.kind === 'preparation' || lease.setupNeeded !== 'nothing')
  );
}

/** The slaves with leases of the build. Runs at each view of a build, so it copies no list of leases. */
export function* sharesOf(leases: ActiveLeases, build: ActiveBuild): Generator<SlaveShare> {
  const slaves = new Set<RegisteredSlave>();
  for (const { slave } of leases.ofBuild(build)) {
    if (!slaves.has(slave)) {
      slaves.add(slave);
      yield { slave, held: leases.withExecutor(slave).filter((lease) => lease.build === build) };
    }
  }
}
