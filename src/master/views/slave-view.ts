import { createHash } from 'node:crypto';
import { shownNames } from '../../job/atom-labels.js';
import { seconds } from '../../lib/clock.js';
import { MAX_WORK_SHOWN, type SlaveWork, slaveState } from '../../protocol/slave/slave-list.js';
import type { Slave } from '../../protocol/slave/slave-messages.js';
import { atomsOf } from '../leases/lease-lifecycle.js';
import type { ActiveLease } from '../state/active-lease.js';
import type { ListedSlaves, Page, SlaveSearch } from '../state/master-api.js';
import type { MasterState } from '../state/master-state.js';
import type { RegisteredSlave } from '../state/registered-slave.js';
import { searchSlaves } from './slave-search.js';

/** The slaves that match, of which those of the page are presented. */
export function listSlaves(
  master: MasterState,
  { offset, limit, ...search }: Page & SlaveSearch,
): ListedSlaves {
  const sought = [...master.slaves.all()].map((slave) => {
    const reason = reasonOf(slave, master.steady);
    const { id, name, version, lastSeen, condition } = slave;
    const executorsInUse = master.leases.executorsInUse(slave);
    const { freeDiskBytes } = condition;
    const state = stateOf(slave, reason);
    return { slave, id, name, version, state, reason, executorsInUse, freeDiskBytes, lastSeen };
  });
  const found = searchSlaves(sought, search);
  const shared = master.slaves.sharedNames();
  return {
    slaves: found.slice(offset, offset + limit).map(({ slave }) => presentSlave(master, slave, shared)),
    total: found.length,
    num_in_state: Object.fromEntries(
      slaveState.map((state) => [state, sought.filter((one) => one.state === state).length]),
    ),
  };
}

/** A slave with the names of the atoms that it runs. */
export async function presentOneSlave(master: MasterState, slave: RegisteredSlave): Promise<Slave> {
  const presented = presentSlave(master, slave, master.slaves.sharedNames());
  // Names come last, since reading them may wait, and all the rest must be of one moment.
  const names = shownWork(master, slave).map((lease) => nameOfRunning(master, lease));
  const known = await Promise.all(names);
  return {
    ...presented,
    work: (presented.work ?? []).map((work, place) => {
      const name = known[place];
      return name === undefined || name === null ? work : { ...work, atom_name: name };
    }),
  };
}

async function nameOfRunning(master: MasterState, lease: ActiveLease): Promise<string | null> {
  if (lease.kind !== 'subjob' || lease.running === null) {
    return null;
  }
  const names = shownNames(lease.build);
  const { atom: running } = lease.running;
  const atom = (await atomsOf(master, lease)).find(({ id }) => id === running);
  return atom === undefined ? null : names(atom);
}

function shownWork(master: MasterState, slave: RegisteredSlave): readonly ActiveLease[] {
  return master.leases.withExecutor(slave).slice(0, MAX_WORK_SHOWN);
}

/** `shared`: the names that several slaves have. */
function presentSlave(master: MasterState, slave: RegisteredSlave, shared: ReadonlySet<string>): Slave {
  const { freeDiskBytes, numUnremovable } = slave.condition;
  const leases = master.leases.ofSlave(slave);
  const reason = reasonOf(slave, master.steady);
  const builds = [...new Set([...leases].map(({ build }) => build.id))];
  return {
    id: slave.id,
    name: slave.name,
    ...(shared.has(slave.name) ? { shares_name: true } : {}),
    url: slave.url,
    num_executors: slave.numExecutors,
    num_executors_in_use: Math.min(leases.size, slave.numExecutors),
    state: stateOf(slave, reason),
    reason,
    free_disk_bytes: freeDiskBytes,
    num_unremovable: numUnremovable,
    current_builds: builds,
    current_build_id: builds[0] ?? null,
    is_alive: slave.state !== 'GONE',
    is_in_shutdown_mode: slave.isDraining,
    session_id: sessionIdOf(slave),
    version: slave.version,
    last_seen: seconds(slave.lastSeen),
    connected_since: seconds(slave.changedAt),
    work: shownWork(master, slave).map(workOf),
  };
}

function workOf(lease: ActiveLease): SlaveWork {
  const running = lease.kind === 'subjob' ? lease.running : null;
  return {
    build_id: lease.build.id,
    subjob_id: lease.kind === 'subjob' ? lease.subjob : null,
    atom_id: running?.atom ?? null,
    since: seconds(running?.since ?? lease.takenAt),
  };
}

/** The instance itself proves to the master which process it is, so it is not shown. */
function sessionIdOf({ instance }: RegisteredSlave): string {
  return createHash('sha256').update(instance).digest('hex').slice(0, 32);
}

const SILENT =
  'Nothing is heard from it, so others may start its work. It goes on when it is heard again, and is lost otherwise.';

function reasonOf(slave: RegisteredSlave, now: number): string | null {
  if (slave.state === 'GONE') {
    return null;
  }
  return slave.isSuspect ? SILENT : slave.unavailableReason(now);
}

export function stateOfSlave(master: MasterState, slave: RegisteredSlave): Slave['state'] {
  return stateOf(slave, reasonOf(slave, master.steady));
}

function stateOf({ state, isSuspect, isDraining }: RegisteredSlave, reason: string | null): Slave['state'] {
  if (state === 'GONE') {
    return 'GONE';
  }
  if (isSuspect) {
    return 'SUSPECT';
  }
  if (isDraining) {
    return 'DRAINING';
  }
  return reason === null ? 'CONNECTED' : 'SICK';
}
