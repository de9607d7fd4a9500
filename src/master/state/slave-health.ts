import { sickness, type Trouble, withTrouble } from '../../domain/slave-health.js';
import { appendEvent } from '../store/events.js';
import type { SlaveEntry } from './entries.js';
import type { Change, Cluster } from './master-state.js';

/** Notes something that may be the slave's fault. A master that is started again has forgotten it. */
export function noteTrouble(cluster: Cluster, slave: SlaveEntry, trouble: Trouble, change: Change): void {
  const { now, steady } = cluster;
  const wasSick = sickness(slave.health, steady) !== null;
  slave.health = withTrouble(slave.health, trouble, steady);
  const reason = sickness(slave.health, steady);
  if (reason !== null && !wasSick) {
    cluster.log.warn({ slave: slave.name }, `A slave gets no more work for now: ${reason}`);
    const facts = { slave_id: slave.id, slave: slave.name, reason };
    change.steps.push((db) => appendEvent(db, 'SLAVE_SICK', facts, now));
  }
}
