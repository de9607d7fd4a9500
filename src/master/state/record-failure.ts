import type { SlaveFailure } from '../../domain/slave-health.js';
import { appendEvent } from '../store/events.js';
import type { MasterState, StateChange } from './master-state.js';
import type { RegisteredSlave } from './registered-slave.js';

/** Records something that may be the slave's fault. A master that is restarted has forgotten it. */
export function recordFailure(
  { now, steady, log }: MasterState,
  slave: RegisteredSlave,
  failure: SlaveFailure,
  change: StateChange,
): void {
  const reason = slave.recordFailure(failure, steady);
  if (reason !== null) {
    log.warn({ slave: slave.name }, `A slave gets no more work for now: ${reason}`);
    const facts = { slave_id: slave.id, slave: slave.name, reason };
    change.writes.push(appendEvent('SLAVE_SICK', facts, now));
  }
}
