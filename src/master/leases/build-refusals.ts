import type { ReturnedLease } from '../../protocol/slave/slave-messages.js';
import type { ActiveBuild } from '../state/active-build.js';
import type { MasterState, StateChange } from '../state/master-state.js';
import type { RegisteredSlave } from '../state/registered-slave.js';
import { stopBuild } from './early-end.js';

/** A build that so many slaves could not run, and that has no result yet, is not tried on the rest of the fleet. */
const MAX_REFUSALS = 5;

/** The build is not given to this slave again. A master that is restarted has forgotten it. */
export function recordRefusal(
  { slaves }: MasterState,
  build: ActiveBuild,
  slave: RegisteredSlave,
  returned: ReturnedLease,
): void {
  // Several slaves of one machine have the same name.
  const isShared = [...slaves.connected()].some(({ id, name }) => name === slave.name && id !== slave.id);
  build.refuse(slave.id, isShared ? `${slave.name} (slave ${slave.id})` : slave.name, returned);
}

/**
 * Ends a build that no connected slave can run. Must be called when a slave has refused it, and when one leaves that had
 * not; follow it with `commitStop`, since subjobs that were begun before may still run. While no slave is connected the
 * build waits for one, as every build does.
 */
export function endIfNobodyIsLeft(master: MasterState, build: ActiveBuild, change: StateChange): void {
  if (
    build.ending !== null ||
    build.stopping !== null ||
    change.ended.includes(build) ||
    !nobodyIsLeft(master, build)
  ) {
    return;
  }
  for (const slave of master.slaves.all()) {
    slave.clearFailuresOf(build.id);
  }
  stopBuild(master, build, { state: 'ERROR', message: messageOf(build) }, change);
}

function nobodyIsLeft(master: MasterState, { work }: ActiveBuild): boolean {
  const refused = work.refusedBy;
  if (refused.size >= MAX_REFUSALS && work.done === 0) {
    return true;
  }
  const connected = [...master.slaves.connected()];
  return connected.length > 0 && connected.every(({ id }) => refused.has(id));
}

function messageOf({ refusals }: ActiveBuild): string {
  const [name, last] = [...refusals].at(-1) ?? [];
  const what = last?.reason === 'setup_failed' ? 'setup_build failed' : 'The build could not be run';
  return `${what} on ${[...refusals.keys()].join(', ')}; the last words on ${name}:\n${last?.output.trimEnd()}`;
}
