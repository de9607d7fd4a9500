import type { BuildId, LeaseId } from '../../protocol/ids.js';
import type { ActiveBuild } from './active-build.js';
import type { ActiveLease } from './active-lease.js';
import type { RegisteredSlave } from './registered-slave.js';

const none: ReadonlySet<ActiveLease> = new Set();

/** All leases that are held, also by build and by slave, oldest first. */
export class ActiveLeases {
  readonly #all = new Map<LeaseId, ActiveLease>();
  readonly #byBuild = new Map<ActiveBuild, Set<ActiveLease>>();
  readonly #bySlave = new Map<RegisteredSlave, Set<ActiveLease>>();
  readonly #changed: (build: BuildId) => void;

  /** @param changed is called with the build of each lease that begins or ends */
  constructor(changed: (build: BuildId) => void) {
    this.#changed = changed;
  }

  get size(): number {
    return this.#all.size;
  }

  find(id: LeaseId): ActiveLease | undefined {
    return this.#all.get(id);
  }

  has(lease: ActiveLease): boolean {
    return this.#all.get(lease.id) === lease;
  }

  /** The leases of its preparation or its subjobs. */
  ofBuild(build: ActiveBuild): ReadonlySet<ActiveLease> {
    return this.#byBuild.get(build) ?? none;
  }

  ofSlave(slave: RegisteredSlave): ReadonlySet<ActiveLease> {
    return this.#bySlave.get(slave) ?? none;
  }

  /** The leases that have executors of the slave: the oldest. One that was taken ahead waits for an executor. */
  withExecutor(slave: RegisteredSlave): ActiveLease[] {
    return [...this.ofSlave(slave)].slice(0, slave.numExecutors);
  }

  executorsInUse(slave: RegisteredSlave): number {
    return Math.min(this.ofSlave(slave).size, slave.numExecutors);
  }

  add(lease: ActiveLease): void {
    this.#changed(lease.build.id);
    this.#all.set(lease.id, lease);
    add(this.#byBuild, lease.build, lease);
    add(this.#bySlave, lease.slave, lease);
  }

  /** Its holder's right ends. Does nothing when it has ended before. */
  release(lease: ActiveLease): void {
    this.#changed(lease.build.id);
    this.#all.delete(lease.id);
    remove(this.#byBuild, lease.build, lease);
    remove(this.#bySlave, lease.slave, lease);
  }
}

function add<Key>(index: Map<Key, Set<ActiveLease>>, key: Key, lease: ActiveLease): void {
  const leases = index.get(key) ?? new Set();
  index.set(key, leases.add(lease));
}

function remove<Key>(index: Map<Key, Set<ActiveLease>>, key: Key, lease: ActiveLease): void {
  const leases = index.get(key);
  leases?.delete(lease);
  if (leases?.size === 0) {
    index.delete(key);
  }
}
