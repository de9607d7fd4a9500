import { clearFailuresOf } from '../../domain/slave-health.js';
import type { Handback } from '../../protocol/slave/slave-messages.js';
import { stopBuild } from '../builds/early-end.js';
import type { ActiveBuild, RegisteredSlave } from '../state/entries.js';
import type { MasterState, StateChange } from '../state/master-state.js';

/** A build that could not be run on so many slaves, and had no result on any, is not tried on the rest of the fleet. */
const MAX_REFUSALS = 5;

/** The build is not given to this slave again. A master that is started again has forgotten it. */
export function noteRefusal(
  { slaves }: MasterState,
  { work, refusals }: ActiveBuild,
  slave: RegisteredSlave,
  { reason, output }: Handback,
): void {
  const name = nameOf(slave, slaves.connected());
  work.refusedBy.add(slave.id);
  refusals.delete(name);
  refusals.set(name, { reason, output });
}

/** With its number where another slave has the name too: several of one machine have. */
function nameOf(slave: RegisteredSlave, connected: Iterable<RegisteredSlave>): string {
  const isShared = [...connected].some(({ id, name }) => name === slave.name && id !== slave.id);
  return isShared ? `${slave.name} (slave ${slave.id})` : slave.name;
}

/**
 * Ends a build that cannot be run on any slave there is. To be asked when a slave has refused it, and when one leaves
 * that had not; `commitStop` takes it from there, since subjobs of it may run that were begun before. Without any slave
 * it waits for one, as every build does.
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
    slave.health = clearFailuresOf(slave.health, build.id);
  }
  stopBuild(master, build, { state: 'ERROR', sentence: sentenceOf(build) }, change);
}

function nobodyIsLeft(master: MasterState, { work }: ActiveBuild): boolean {
  const refused = work.refusedBy;
  if (refused.size >= MAX_REFUSALS && work.done === 0) {
    return true;
  }
  const there = [...master.slaves.connected()];
  return there.length > 0 && there.every(({ id }) => refused.has(id));
}

function sentenceOf({ refusals }: ActiveBuild): string {
  const [name, last] = [...refusals].at(-1) ?? [];
  const what = last?.reason === 'setup_failed' ? 'setup_build failed' : 'The build could not be run';
  return `${what} on ${[...refusals.keys()].join(', ')}; the last words on ${name}:\n${last?.output.trimEnd()}`;
}
