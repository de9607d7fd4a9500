import { createHash } from 'node:crypto';
import { healthy, quarantineReason } from '../../domain/slave-health.js';
import { seconds } from '../../lib/clock.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { SlaveId } from '../../protocol/ids.js';
import { isSpoken } from '../../protocol/slave/protocol-version.js';
import type { Slave } from '../../protocol/slave/slave-messages.js';
import type { SlaveRow } from '../store/tables.js';
import type { ActiveLease, RegisteredSlave } from './entries.js';

/** The slaves that the master knows: the connected ones, and for a while those that were. In order of id. */
export class SlaveRegistry {
  readonly #entries = new Map<SlaveId, RegisteredSlave>();
  /** Milliseconds in which the master listened. */
  readonly #listened: () => number;

  constructor(listened: () => number) {
    this.#listened = listened;
  }

  /** It counts as heard now. */
  add(entry: RegisteredSlave): void {
    entry.heardAt = this.#listened();
    this.#entries.set(entry.id, entry);
  }

  /** It has spoken at this moment; `now` in milliseconds since the epoch. */
  noteHeard(slave: RegisteredSlave, now: number): void {
    slave.lastSeen = now;
    slave.heardAt = this.#listened();
  }

  /** Connected ones that were not heard for so many milliseconds in which the master listened. */
  silentFor(ms: number): RegisteredSlave[] {
    const deadline = this.#listened() - ms;
    return [...this.connected()].filter(({ heardAt }) => heardAt < deadline);
  }

  find(id: SlaveId): RegisteredSlave | undefined {
    return this.#entries.get(id);
  }

  all(): Iterable<RegisteredSlave> {
    return this.#entries.values();
  }

  *connected(): Iterable<RegisteredSlave> {
    for (const slave of this.#entries.values()) {
      if (slave.state === 'CONNECTED') {
        yield slave;
      }
    }
  }

  /** The one that is connected as this instance. */
  connectedAs(instance: string): RegisteredSlave | undefined {
    return [...this.connected()].find((slave) => slave.instance === instance);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Notes a signed word of the slave, which renews its leases. @throws SLAVE_UNKNOWN also for one of that number that
   *  is another `instance` */
  hear(id: SlaveId, now: number, instance?: string): RegisteredSlave {
    const slave = this.#entries.get(id);
    if (slave === undefined || slave.state === 'GONE' || slave.instance !== (instance ?? slave.instance)) {
      throw new ClusterRunnerError(
        'SLAVE_UNKNOWN',
        `Slave ${id} is not connected to this master; register again.`,
      );
    }
    this.noteHeard(slave, now);
    return slave;
  }

  /** Drops those that have been gone since before `before`, and the longest gone beyond `keep`. Answers which. */
  forgetGone(before: number, keep: number): SlaveId[] {
    const gone = [...this.#entries.values()]
      .filter(({ state }) => state === 'GONE')
      .sort((a, b) => b.lastSeen - a.lastSeen);
    const forgotten = gone.filter(({ lastSeen }, place) => place >= keep || lastSeen < before);
    for (const { id } of forgotten) {
      this.#entries.delete(id);
    }
    return forgotten.map(({ id }) => id);
  }
}

/** A slave that registered just now, or that the store remembers. */
export function slaveEntry(
  row: Omit<SlaveRow, 'id' | 'changed_at'> & { id: SlaveId },
  lastSeen: number,
): RegisteredSlave {
  return {
    id: row.id,
    instance: row.instance,
    name: row.name,
    url: row.url,
    numExecutors: row.num_executors,
    version: row.version,
    // One of another protocol has to register again, and is told then.
    state: isSpoken(row.protocol) ? row.state : 'GONE',
    draining: row.draining === 1,
    health: healthy,
    paused: null,
    freeDiskBytes: null,
    numUnremovable: 0,
    lastSeen,
    heardAt: 0,
    leases: new Map(),
    lastPoll: 0,
    poll: null,
    openPolls: new Set(),
    toldCancel: new Set(),
    toldInterrupt: new Set(),
    toldRelease: new Set(),
    toldDrain: false,
  };
}

/** What it has asked ahead for waits for an executor, and takes none. */
export function executorsInUse({ leases, numExecutors }: RegisteredSlave): number {
  return Math.min(leases.size, numExecutors);
}

/** The leases that have its executors: those that it got first. */
export function leasesInUse(slave: RegisteredSlave): ActiveLease[] {
  return [...slave.leases.values()].slice(0, executorsInUse(slave));
}

/** `now` in milliseconds of the steady time. */
export function presentSlave(slave: RegisteredSlave, now: number): Slave {
  const reason = slave.state === 'GONE' ? null : unavailableReason(slave, now);
  const builds = [...new Set([...slave.leases.values()].map(({ build }) => build.id))];
  return {
    id: slave.id,
    name: slave.name,
    url: slave.url,
    num_executors: slave.numExecutors,
    num_executors_in_use: executorsInUse(slave),
    state: stateOf(slave, reason),
    reason,
    free_disk_bytes: slave.freeDiskBytes,
    num_unremovable: slave.numUnremovable,
    current_builds: builds,
    current_build_id: builds[0] ?? null,
    is_alive: slave.state !== 'GONE',
    is_in_shutdown_mode: slave.draining,
    session_id: sessionIdOf(slave),
    version: slave.version,
    last_seen: seconds(slave.lastSeen),
  };
}

/** The instance itself proves to the master which process asks, so it is not shown. */
function sessionIdOf({ instance }: RegisteredSlave): string {
  return createHash('sha256').update(instance).digest('hex').slice(0, 32);
}

function stateOf({ state, draining }: RegisteredSlave, ailment: string | null): Slave['state'] {
  if (state === 'GONE') {
    return 'GONE';
  }
  if (draining) {
    return 'DRAINING';
  }
  return ailment === null ? 'CONNECTED' : 'SICK';
}

/** Why a connected slave gets no work, or takes none; null when it does. `now` in the steady time. */
export function unavailableReason(slave: RegisteredSlave, now: number): string | null {
  return quarantineReason(slave.health, now) ?? slave.paused;
}
