import { ClusterRunnerError } from '../../protocol/errors.js';
import type { SlaveId } from '../../protocol/ids.js';
import { isSpoken } from '../../protocol/slave/protocol-version.js';
import type { SlaveRow } from '../store/tables.js';
import { RegisteredSlave, type SlaveFacts } from './registered-slave.js';

/** The slaves that are connected, and for a while those that were. In order of id. */
export class SlaveRegistry {
  readonly #slaves = new Map<SlaveId, RegisteredSlave>();
  readonly #listened: () => number;

  /** @param listened milliseconds in which the master listened; see ListenedTime */
  constructor(listened: () => number) {
    this.#listened = listened;
  }

  /** Adds a slave that registered just now, or that the store remembers. It counts as heard now. */
  add(row: Omit<SlaveRow, 'id'> & { readonly id: SlaveId }, lastSeen: number): void {
    const { name, url, num_executors: numExecutors, version } = row;
    // A slave of another protocol has to register again, and is refused then.
    const state = isSpoken(row.protocol) ? row.state : 'GONE';
    const facts = { name, url, numExecutors, version };
    const status = { state, changedAt: row.changed_at, isDraining: row.draining === 1 };
    this.#slaves.set(row.id, new RegisteredSlave(row, facts, status, lastSeen, this.#listened()));
  }

  /** The same process registers again. `now` in milliseconds since the epoch. */
  registerAgain(slave: RegisteredSlave, facts: SlaveFacts, now: number): void {
    slave.registerAgain(facts, now);
    slave.recordContact(now, this.#listened());
  }

  /** Connected slaves that were not heard for so many milliseconds in which the master listened. */
  silentFor(ms: number): RegisteredSlave[] {
    const deadline = this.#listened() - ms;
    return [...this.connected()].filter(({ heardAt }) => heardAt < deadline);
  }

  /** Milliseconds in which the master listened since it last heard the slave. */
  silenceOf({ heardAt }: RegisteredSlave): number {
    return this.#listened() - heardAt;
  }

  find(id: SlaveId): RegisteredSlave | undefined {
    return this.#slaves.get(id);
  }

  /** The names that several slaves have. */
  sharedNames(): ReadonlySet<string> {
    const seen = new Set<string>();
    const shared = new Set<string>();
    for (const { name } of this.#slaves.values()) {
      (seen.has(name) ? shared : seen).add(name);
    }
    return shared;
  }

  all(): Iterable<RegisteredSlave> {
    return this.#slaves.values();
  }

  *connected(): Iterable<RegisteredSlave> {
    for (const slave of this.#slaves.values()) {
      if (slave.state === 'CONNECTED') {
        yield slave;
      }
    }
  }

  /** The slave that is connected as this instance. */
  connectedAs(instance: string): RegisteredSlave | undefined {
    return [...this.connected()].find((slave) => slave.instance === instance);
  }

  get size(): number {
    return this.#slaves.size;
  }

  /**
   * Records a signed request of the slave, which renews its leases. `now` in milliseconds since the epoch.
   * @throws SLAVE_UNKNOWN; also when the slave of that number is not this `instance`
   */
  recordContact(id: SlaveId, now: number, instance?: string): RegisteredSlave {
    const slave = this.#slaves.get(id);
    if (slave === undefined || slave.state === 'GONE' || slave.instance !== (instance ?? slave.instance)) {
      throw new ClusterRunnerError(
        'SLAVE_UNKNOWN',
        `Slave ${id} is not connected to this master; register again.`,
      );
    }
    slave.recordContact(now, this.#listened());
    return slave;
  }

  /** Forgets slaves that have been gone since before `before`, and those gone longest beyond `keep`. @returns their ids */
  forgetGone(before: number, keep: number): SlaveId[] {
    const gone = [...this.#slaves.values()]
      .filter(({ state }) => state === 'GONE')
      .sort((a, b) => b.lastSeen - a.lastSeen);
    const forgotten = gone.filter(({ lastSeen }, place) => place >= keep || lastSeen < before);
    for (const { id } of forgotten) {
      this.#slaves.delete(id);
    }
    return forgotten.map(({ id }) => id);
  }
}
