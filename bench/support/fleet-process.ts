import { setMaxListeners } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createLogger } from '../../src/lib/logger.js';
import { type FleetPlan, SimulatedSlave } from './simulated-slave.js';
import { quantile } from './statistics.js';

/*
 * A process of simulated slaves, which fleet.ts starts.
 */

export type FleetOrder =
  | { readonly kind: 'begin'; readonly plan: FleetPlan; readonly numSlaves: number }
  /** Resets the measurements. */
  | { readonly kind: 'reset' }
  | { readonly kind: 'measured' }
  | { readonly kind: 'stop' };

export interface FleetMeasured {
  readonly handOuts: number;
  /** How many slaves got work. */
  readonly slavesWithWork: number;
  /** Milliseconds from an executor that became free to its next work. */
  readonly p50: number;
  readonly p99: number;
  /** Milliseconds by which this process itself was late: part of the above. */
  readonly ownDelayP99: number;
}

// Each slave has one signal for all that it waits for.
setMaxListeners(0);
const log = createLogger({ level: 'error', name: 'fleet' });
const delay = monitorEventLoopDelay({ resolution: 5 });
const handOuts: number[] = [];
const withWork = new Set<number>();
const slaves: SimulatedSlave[] = [];

async function begin(plan: FleetPlan, numSlaves: number): Promise<void> {
  for (let number = 0; number < numSlaves; number += 1) {
    const note = (ms: number | null) => {
      withWork.add(number);
      if (ms !== null) {
        handOuts.push(ms);
      }
    };
    slaves.push(new SimulatedSlave(`sim-${number}`, plan, note, log));
  }
  delay.enable();
  // All at once, as after a loss of power.
  await Promise.all(slaves.map((slave) => slave.begin()));
}

function measured(): FleetMeasured {
  return {
    handOuts: handOuts.length,
    slavesWithWork: withWork.size,
    p50: quantile(handOuts, 0.5),
    p99: quantile(handOuts, 0.99),
    ownDelayP99: delay.percentile(99) / 1e6 - 5,
  };
}

process.on('message', async (order: FleetOrder) => {
  switch (order.kind) {
    case 'begin':
      await begin(order.plan, order.numSlaves);
      break;
    case 'reset':
      handOuts.length = 0;
      withWork.clear();
      delay.reset();
      break;
    case 'measured':
      break;
    case 'stop':
      await Promise.all(slaves.map((slave) => slave.stop()));
      process.disconnect();
      return;
  }
  process.send?.(measured());
});
