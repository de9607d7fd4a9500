import { quarantineReason, type SlaveFailure, withFailure } from '../../domain/slave-health.js';
import { appendEvent } from '../store/events.js';
import type { RegisteredSlave } from './entries.js';
import type { MasterState, StateChange } from './master-state.js';

/** Notes something that may be the slave's fault. A master that is started again has forgotten it. */
export function recordFailure(
  master: MasterState,
  slave: RegisteredSlave,
  trouble: SlaveFailure,
  change: StateChange,
): void {
  const { now, steady } = master;
  const wasSick = quarantineReason(slave.health, steady) !== null;
  slave.health = withFailure(slave.health, trouble, steady);
  const reason = quarantineReason(slave.health, steady);
  if (reason !== null && !wasSick) {
    master.log.warn({ slave: slave.name }, `A slave gets no more work for now: ${reason}`);
    const facts = { slave_id: slave.id, slave: slave.name, reason };
    change.writes.push(appendEvent('SLAVE_SICK', facts, now));
  }
}
