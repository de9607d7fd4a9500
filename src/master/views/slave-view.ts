import { createHash } from 'node:crypto';
import { seconds } from '../../lib/clock.js';
import type { Slave } from '../../protocol/slave/slave-messages.js';
import type { ActiveLease } from '../state/active-lease.js';
import type { RegisteredSlave } from '../state/registered-slave.js';

/** `leases` are those of the slave, `now` in monotonic milliseconds. */
export function presentSlave(slave: RegisteredSlave, leases: ReadonlySet<ActiveLease>, now: number): Slave {
  const { freeDiskBytes, numUnremovable } = slave.condition;
  const reason = reasonOf(slave, now);
  const builds = [...new Set([...leases].map(({ build }) => build.id))];
  return {
    id: slave.id,
    name: slave.name,
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
