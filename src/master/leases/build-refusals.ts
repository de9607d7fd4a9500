import { exonerated } from '../../domain/slave-health.js';
import type { Handback } from '../../protocol/slave/slave.js';
import { stopBuild } from '../builds/early-end.js';
import type { BuildEntry, SlaveEntry } from '../state/entries.js';
import type { Change, Cluster } from '../state/master-state.js';

/** A build that could not be run on so many slaves, and had no result on any, is not tried on the rest of the fleet. */
const MAX_REFUSALS = 5;

/** The build is not given to this slave again. A master that is started again has forgotten it. */
export function noteRefusal(
  { slaves }: Cluster,
  { work, refusals }: BuildEntry,
  slave: SlaveEntry,
  { reason, output }: Handback,
): void {
  const name = nameOf(slave, slaves.connected());
  work.refusedBy.add(slave.id);
  refusals.delete(name);
  refusals.set(name, { reason, output });
}

/** With its number where another slave has the name too: several of one machine have. */
function nameOf(slave: SlaveEntry, connected: Iterable<SlaveEntry>): string {
  const isShared = [...connected].some(({ id, name }) => name === slave.name && id !== slave.id);
  return isShared ? `${slave.name} (slave ${slave.id})` : slave.name;
}

/**
 * Ends a build that cannot be run on any slave there is. To be asked when a slave has refused it, and when one leaves
 * that had not; `commitStop` takes it from there, since subjobs of it may run that were begun before. Without any slave
 * it waits for one, as every build does.
 */
export function endIfNobodyIsLeft(cluster: Cluster, build: BuildEntry, change: Change): void {
  if (
    build.ending !== null ||
    build.stopping !== null ||
    change.ended.includes(build) ||
    !nobodyIsLeft(cluster, build)
  ) {
    return;
  }
  for (const slave of cluster.slaves.all()) {
    slave.health = exonerated(slave.health, build.id);
  }
  stopBuild(cluster, build, { state: 'ERROR', sentence: sentenceOf(build) }, change);
}

function nobodyIsLeft(cluster: Cluster, { work }: BuildEntry): boolean {
  const refused = work.refusedBy;
  if (refused.size >= MAX_REFUSALS && work.done === 0) {
    return true;
  }
  const there = [...cluster.slaves.connected()];
  return there.length > 0 && there.every(({ id }) => refused.has(id));
}

function sentenceOf({ refusals }: BuildEntry): string {
  const [name, last] = [...refusals].at(-1) ?? [];
  const what = last?.reason === 'setup_failed' ? 'setup_build failed' : 'The build could not be run';
  return `${what} on ${[...refusals.keys()].join(', ')}; the last words on ${name}:\n${last?.output.trimEnd()}`;
}
