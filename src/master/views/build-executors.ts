import type { ActiveBuild, ActiveLease, RegisteredSlave } from '../state/entries.js';
import { leasesInUse } from '../state/slave-registry.js';

/** How many executors work on a build, and how many of these wait for the setup of their slave. */
export function executorsOf(build: ActiveBuild): { readonly busy: number; readonly settingUp: number } {
  let [busy, settingUp] = [0, 0];
  for (const slave of slavesOf(build)) {
    const held = inUseFor(build, slave);
    busy += held.length;
    settingUp += isSettingUp(held) ? held.length : 0;
  }
  return { busy, settingUp };
}

/** `held` are the leases of one slave: the first of them has to open the build there, and the others wait for it. */
export function isSettingUp(held: readonly ActiveLease[]): boolean {
  return (
    held.every(({ hasBegun }) => !hasBegun) &&
    held.some(({ subjob, setupNeeded }) => subjob === null || setupNeeded !== 'nothing')
  );
}

export function slavesOf(build: ActiveBuild): RegisteredSlave[] {
  return [...new Set([...build.leases].map(({ slave }) => slave))];
}

/** The leases of the build that have executors of the slave. */
export function inUseFor(build: ActiveBuild, slave: RegisteredSlave): ActiveLease[] {
  return leasesInUse(slave).filter((held) => held.build === build);
}
