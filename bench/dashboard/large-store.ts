import type { BuildId } from '../../src/protocol/ids.js';
import { SimulatedCluster } from '../../test/support/simulation/simulated-cluster.js';
import { largeBuild } from './large-build.js';
import { buildWithLongConsole } from './long-console.js';

const SLAVES = 20;
const EXECUTORS_OF_SLAVE = 10;
/** Much longer than the builds take by the simulated clock, so that they end in the past. */
const AGO_MS = 24 * 3600 * 1000;
const DELIVERIES_AT_ONCE = 16;

export interface LargeStore {
  /** A build of many atoms on 200 executors. */
  readonly large: BuildId;
  /** A build with one atom that printed much. */
  readonly talkative: BuildId;
}

/** Fills the store of a base directory. */
export async function makeLargeStore(
  baseDirectory: string,
  secret: string,
  { atoms, mebibytes }: { readonly atoms: number; readonly mebibytes: number },
): Promise<LargeStore> {
  const cluster = await SimulatedCluster.start({
    baseDirectory,
    secret,
    startsAt: Date.now() - AGO_MS,
    slaves: Array.from({ length: SLAVES }, (_, n) => ({
      name: `machine-${String(n + 1).padStart(2, '0')}`,
      executors: EXECUTORS_OF_SLAVE,
    })),
    deliveriesAtOnce: DELIVERIES_AT_ONCE,
    deliversDirectly: true,
  });
  try {
    const talkative = await cluster.create(buildWithLongConsole(mebibytes));
    await cluster.runToEnd(talkative);
    const large = await cluster.create(largeBuild(atoms));
    await cluster.runToEnd(large);
    return { large, talkative };
  } finally {
    await cluster.close();
  }
}
