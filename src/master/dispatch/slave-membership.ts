import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { version } from '../../lib/version.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { SlaveId } from '../../protocol/ids.js';
import { isSpoken, PROTOCOL, SPOKEN } from '../../protocol/slave/protocol-version.js';
import type { Register, Slave } from '../../protocol/slave/slave-messages.js';
import { endIfNobodyIsLeft } from '../leases/build-refusals.js';
import { commitStop } from '../leases/early-end.js';
import { loseLease, returnLease } from '../leases/lease-lifecycle.js';
import type { WaitingRegrouper } from '../leases/regroup-waiting.js';
import type { ListedSlaves, Page, SlaveSearch } from '../state/master-api.js';
import { type MasterState, StateChange } from '../state/master-state.js';
import { recordFailure } from '../state/record-failure.js';
import type { RegisteredSlave } from '../state/registered-slave.js';
import { appendEvent, appendSlaveConnected } from '../store/events.js';
import { deleteSlaves, saveSlave, setDraining, setSlaveState } from '../store/slaves.js';
import { listSlaves, presentOneSlave } from '../views/slave-view.js';
import type { SlavePolls } from './slave-polls.js';

/** Long enough for people to see in a list what has become of a slave. */
const FORGET_AFTER_MS = 60 * 60 * 1000;
const MAX_GONE = 1000;
/** Turns of the event loop: enough to read one request each from thousands of connections. */
const TURNS_TO_LISTEN = 5;

/** Lets slaves join, drain and leave, and notices those that are lost. */
export class SlaveMembership {
  readonly #master: MasterState;
  readonly #polls: SlavePolls;
  readonly #regrouper: WaitingRegrouper;
  readonly #leaseSeconds: number;
  /** Instances that were refused for their version, which was logged once. */
  readonly #refused = new Set<string>();

  constructor(master: MasterState, polls: SlavePolls, regrouper: WaitingRegrouper, leaseSeconds: number) {
    this.#master = master;
    this.#polls = polls;
    this.#regrouper = regrouper;
    this.#leaseSeconds = leaseSeconds;
  }

  list(chosen: Page & SlaveSearch): ListedSlaves {
    return listSlaves(this.#master, chosen);
  }

  /** @throws NOT_FOUND */
  async get(id: SlaveId): Promise<Slave> {
    const slave = this.#master.slaves.find(id);
    if (slave === undefined) {
      throw new ClusterRunnerError(
        'NOT_FOUND',
        `There is no slave ${id}; \`clusterrunner status\` and GET /v1/slave list them.`,
      );
    }
    return await presentOneSlave(this.#master, slave);
  }

  /**
   * A process that registers again keeps its id and its leases; its next poll says which of them it still has.
   * @throws PROTOCOL_MISMATCH, UNAVAILABLE
   */
  async register(register: Register): Promise<{ slave_id: SlaveId; lease_seconds: number }> {
    const { writer, slaves, now } = this.#master;
    writer.requireWritable();
    this.#requireSpoken(register);
    const [id] = await writer.write([saveSlave(register, now), appendSlaveConnected(register, now)]);
    const known = slaves.find(id);
    if (known === undefined) {
      const status = { protocol: PROTOCOL, state: 'CONNECTED', changed_at: now, draining: 0 } as const;
      const row = { ...register, ...status, id };
      slaves.add(row, this.#master.now);
    } else {
      const { name, url, num_executors: numExecutors } = register;
      const facts = { name, url, numExecutors, version: register.version };
      slaves.registerAgain(known, facts, this.#master.now);
    }
    const dead = register.replaces === undefined ? undefined : slaves.connectedAs(register.replaces);
    if (dead !== undefined && dead.id !== id) {
      this.#master.log.warn(
        { slave: dead.name, leases: this.#master.leases.ofSlave(dead).size },
        'A slave was lost, as the one that took its place says.',
      );
      await this.#leave(dead, 'SLAVE_LOST');
    }
    // Before it can poll, or it would get groups that were made for fewer executors.
    await this.#regrouper.considerAll();
    return { slave_id: id, lease_seconds: this.#leaseSeconds };
  }

  /** @throws PROTOCOL_MISMATCH */
  #requireSpoken({ instance, name, version: theirs, protocol = 1 }: Register): void {
    if (isSpoken(protocol)) {
      return;
    }
    const side = protocol < PROTOCOL ? 'older' : 'newer';
    const message = `The slave on ${name} is ${side} than this master: it speaks protocol ${protocol} (version ${theirs}), and the master speaks ${SPOKEN} (version ${version}); run the same version of ClusterRunner on both.`;
    // It registers again and again.
    if (!this.#refused.has(instance)) {
      this.#refused.add(instance);
      this.#master.log.warn(message);
    }
    for (const oldest of [...this.#refused].slice(0, Math.max(0, this.#refused.size - MAX_GONE))) {
      this.#refused.delete(oldest);
    }
    throw new ClusterRunnerError('PROTOCOL_MISMATCH', message);
  }

  /** Queues its leases again. A second goodbye changes nothing. @throws SLAVE_UNKNOWN */
  async goodbye(id: SlaveId): Promise<void> {
    const master = this.#master;
    master.writer.requireWritable();
    if (master.slaves.find(id)?.state === 'GONE') {
      return master.writer.flush();
    }
    const slave = master.slaves.recordContact(id, master.now);
    await this.#leave(slave, 'SLAVE_LEFT');
  }

  /** Slaves that were silent for the time of a lease are lost, and their leases end. */
  async expire(): Promise<void> {
    const leaseMs = this.#leaseSeconds * 1000;
    const silent = this.#master.slaves.silentFor(leaseMs);
    // When the master or its machine was held up, requests that came meanwhile may not have been read yet.
    for (let turn = 0; turn < TURNS_TO_LISTEN && silent.length > 0; turn += 1) {
      await yieldToEventLoop();
    }
    const stillSilent = new Set(silent.length > 0 ? this.#master.slaves.silentFor(leaseMs) : []);
    for (const slave of silent) {
      if (slave.state === 'CONNECTED' && stillSilent.has(slave)) {
        const { size } = this.#master.leases.ofSlave(slave);
        this.#master.log.warn({ slave: slave.name, leases: size }, 'A slave was lost.');
        await this.#leave(slave, 'SLAVE_LOST');
      }
    }
  }

  /** They take no more work, and are notified to leave when they have finished. @throws NOT_FOUND */
  async drain(ids: readonly SlaveId[] | 'all'): Promise<SlaveId[]> {
    const { slaves, writer, log } = this.#master;
    writer.requireWritable();
    const chosen = ids === 'all' ? [...slaves.connected()] : ids.map((id) => this.#connected(id));
    for (const slave of chosen) {
      slave.drain();
      this.#polls.slaveChanged(slave);
    }
    const chosenIds = chosen.map(({ id }) => id);
    if (chosenIds.length > 0) {
      await writer.record([setDraining(chosenIds)]);
      for (const { id, name } of chosen) {
        log.info(
          { slave: name, slave_id: id },
          `The slave ${name} drains: it finishes its work, and then leaves.`,
        );
      }
      await this.#regrouper.considerAll();
    }
    return chosenIds;
  }

  /** Forgets slaves that left long ago. `now` in milliseconds since the epoch. */
  async forgetGone(now: number): Promise<void> {
    const { slaves, writer } = this.#master;
    const forgotten = slaves.forgetGone(now - FORGET_AFTER_MS, MAX_GONE);
    if (forgotten.length > 0) {
      await writer.record([deleteSlaves(forgotten)]);
    }
  }

  #connected(id: SlaveId): RegisteredSlave {
    const slave = this.#master.slaves.find(id);
    if (slave === undefined || slave.state === 'GONE') {
      throw new ClusterRunnerError(
        'NOT_FOUND',
        `No slave ${id} is connected; \`clusterrunner status\` and GET /v1/slave list them.`,
      );
    }
    return slave;
  }

  async #leave(slave: RegisteredSlave, how: 'SLAVE_LEFT' | 'SLAVE_LOST'): Promise<void> {
    const master = this.#master;
    const { now } = master;
    const change = new StateChange();
    slave.leave(now);
    const leases = [...master.leases.ofSlave(slave)];
    if (how === 'SLAVE_LOST' && leases.length > 0) {
      recordFailure(master, slave, { build: null, what: 'it vanished with work' }, change);
    }
    for (const lease of leases) {
      // The loss of another one may have ended the build, and this lease with it.
      if (master.leases.has(lease)) {
        (how === 'SLAVE_LOST' ? loseLease : returnLease)(master, lease, change);
      }
    }
    for (const build of master.builds.values()) {
      endIfNobodyIsLeft(master, build, change);
    }
    change.writes.push(
      setSlaveState(slave.id, 'GONE', now),
      appendEvent(how, { slave_id: slave.id, slave: slave.name }, now),
    );
    this.#polls.slaveLeft(slave);
    await commitStop(master, change, [...master.builds.values()]);
    await this.#regrouper.considerAll();
  }
}
