import { MINUTE_MS } from '../../domain/utilization.js';
import type { Utilization } from '../../protocol/slave/utilization-columns.js';
import type { MasterState } from '../state/master-state.js';
import { minuteLoadsSince } from '../store/minute-loads.js';

/** The load of the executors in each minute of the last `hours`. */
export async function utilizationOf({ store, now }: MasterState, hours: number): Promise<Utilization> {
  const loads = await minuteLoadsSince(store.db, Math.floor(now / MINUTE_MS) - hours * 60 - 1);
  return {
    at: loads.map(({ minute }) => (minute * MINUTE_MS) / 1000),
    num_executors: loads.map(({ executors }) => executors),
    num_executors_busy: loads.map(({ busy }) => busy),
    num_waiting: loads.map(({ waiting }) => waiting),
  };
}
