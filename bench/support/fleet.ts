import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { FleetMeasured, FleetOrder } from './fleet-process.js';
import type { FleetPlan } from './simulated-slave.js';
import { type ProcessUsage, usageOf } from './usage.js';
import type { Workplace } from './workplace.js';

/** Simulated slaves in a process of their own. */
export interface Fleet {
  /** Resets the measurements. */
  reset(): Promise<void>;
  measured(): Promise<FleetMeasured>;
  /** Settles as `work`; rejects when the slaves end before. */
  whileAlive<T>(work: Promise<T>): Promise<T>;
  usage(): ProcessUsage;
  stop(): Promise<void>;
}

/** Resolves when the master knows all of them. They are stopped with the workplace at the latest. */
export async function startFleet({ cleanup }: Workplace, numSlaves: number, plan: FleetPlan): Promise<Fleet> {
  const child = fork(fileURLToPath(new URL('./fleet-process.js', import.meta.url)), {
    serialization: 'advanced',
  });
  const ended = once(child, 'exit');
  const whileAlive = <T>(work: Promise<T>): Promise<T> =>
    Promise.race([
      work,
      ended.then(() => {
        throw new Error('The simulated slaves ended too early.');
      }),
    ]);
  const ask = async (order: FleetOrder): Promise<FleetMeasured> => {
    const responded = once(child, 'message');
    child.send(order);
    const [response] = await whileAlive(responded);
    return response;
  };
  let isStopped = false;
  const stop = async () => {
    if (!isStopped && child.connected) {
      isStopped = true;
      child.send({ kind: 'stop' } satisfies FleetOrder);
      await ended;
    }
  };
  cleanup.add(stop);
  await ask({ kind: 'begin', plan, numSlaves });
  return {
    reset: async () => {
      await ask({ kind: 'reset' });
    },
    measured: () => ask({ kind: 'measured' }),
    whileAlive,
    usage: () => usageOf(child.pid ?? 0),
    stop,
  };
}
