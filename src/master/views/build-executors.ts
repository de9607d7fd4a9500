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

/** `held` are the leases of one slave: the first of them has to open the build there, and the others wait for it. */
export function isSettingUp(held: readonly ActiveLease[]): boolean {
  return (
    held.every(({ hasBegun }) => !hasBegun) &&
    held.some((lease) => lease.kind === 'preparation' || lease.setupNeeded !== 'nothing')
  );
}

export function slavesOf(leases: ActiveLeases, build: ActiveBuild): RegisteredSlave[] {
  return [...new Set([...leases.ofBuild(build)].map(({ slave }) => slave))];
}

/** The leases of the build that have executors of the slave. */
export function inUseFor(leases: ActiveLeases, build: ActiveBuild, slave: RegisteredSlave): ActiveLease[] {
  return leases.withExecutor(slave).filter((held) => held.build === build);
}
