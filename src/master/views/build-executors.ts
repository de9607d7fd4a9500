import type { ActiveBuild } from '../state/active-build.js';
import type { ActiveLease } from '../state/active-lease.js';
import type { ActiveLeases } from '../state/active-leases.js';
import type { RegisteredSlave } from '../state/registered-slave.js';

/** How many executors work on a build, and how many of these wait for the setup of their slave. */
export function executorsOf(
  leases: ActiveLeases,
  build: ActiveBuild,
): { readonly busy: number; readonly settingUp: number } {
  let [busy, settingUp] = [0, 0];
  for (const slave of slavesOf(leases, build)) {
    const held = inUseFor(leases, build, slave);
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

export function slavesOf(leases: ActiveLeases, build: ActiveBuild): RegisteredSlave[] {
  return [...new Set([...leases.ofBuild(build)].map(({ slave }) => slave))];
}

/** The leases of the build that occupy executors of the slave. */
export function inUseFor(leases: ActiveLeases, build: ActiveBuild, slave: RegisteredSlave): ActiveLease[] {
  return leases.withExecutor(slave).filter((held) => held.build === build);
}
