import { MINUTE_MS, MINUTES_KEPT, MinuteAverages } from '../../domain/utilization.js';
import type { MasterState } from '../state/master-state.js';
import { saveMinuteLoad, trimMinuteLoads } from '../store/minute-loads.js';

/** Stores how busy the executors were in each minute, for a day. */
export class LoadRecorder {
  readonly #master: MasterState;
  readonly #averages = new MinuteAverages();

  constructor(master: MasterState) {
    this.#master = master;
  }

  /** Must be called about once a second. The load of a minute without a call is not stored. */
  sample(): void {
    const master = this.#master;
    const over = this.#averages.add(loadOf(master), master.now);
    if (over !== null) {
      const current = Math.floor(master.now / MINUTE_MS);
      master.writer.record([saveMinuteLoad(over), trimMinuteLoads(current - MINUTES_KEPT, current)]);
    }
  }
}

function loadOf({ slaves, leases, builds }: MasterState) {
  let [executors, busy, waiting] = [0, 0, 0];
  for (const slave of slaves.connected()) {
    executors += slave.numExecutors;
    busy += leases.executorsInUse(slave);
  }
  for (const { work, ending } of builds.values()) {
    if (ending === null) {
      waiting += work.state === 'QUEUED' ? 1 : work.queued;
    }
  }
  return { executors, busy, waiting };
}
