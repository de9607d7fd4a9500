import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { LoadedConfig } from '../../config/load.js';
import { CleanupStack } from '../../lib/async/cleanup-stack.js';
import { systemClock } from '../../lib/clock.js';
import { lockFreeDirectory } from '../../lib/fs/directory-lock.js';
import type { Logger } from '../../lib/logger.js';
import { MAX_PAGE } from '../../protocol/routes.js';
import { fixedSecrets } from '../../protocol/signing/secrets.js';
import { startSlave } from '../../slave/slave.js';
import { type ServedMaster, serveMaster } from '../services/serve-master.js';
import { slaveOptionsOf } from '../services/service-options.js';
import { registerService } from '../services/services.js';
import { watchTrouble } from './local-trouble.js';

const SECRET_BYTES = 32;

export interface LocalCluster {
  readonly url: string;
  readonly numExecutors: number;
  /** A secret of this cluster alone, for the token of a link. */
  readonly linkSecret: string;
  /** Aborted with a ClusterRunnerError when the cluster has not been able to go on for a while. */
  readonly trouble: AbortSignal;
  close(): Promise<void>;
}

/**
 * A master and a slave for one command, on loopback and free ports, with one executor per core. They run in this process
 * and use HTTP like any other: nothing is left when it ends, however that happens, and two starts of Node are saved.
 * Timings and mirrors stay in the user's base directory for the next command; concurrent commands have a directory each.
 */
export async function startLocalCluster(config: LoadedConfig, log: Logger): Promise<LocalCluster> {
  const cleanup = new CleanupStack();
  const linkSecret = randomBytes(SECRET_BYTES).toString('base64url');
  // Other commands of this user know the first one.
  const secrets = fixedSecrets(config.secret, linkSecret);
  const numExecutors = availableParallelism();
  try {
    const root = lockFreeDirectory(join(config.baseDirectory, 'local'), 'cluster');
    cleanup.add(() => root.release());
    const served = await serveMaster({
      directory: join(root.path, 'master'),
      port: 0,
      portIsExplicit: true,
      address: '127.0.0.1',
      secrets,
      settings: config.master,
      endsWithBuild: true,
      log,
    });
    cleanup.add(() => served.close());
    await cancelOrphans(served);
    const url = `http://127.0.0.1:${served.port}`;
    cleanup.add(registerService(config.baseDirectory, 'cluster', served.port, log));
    const slave = await startSlave({
      masterUrl: url,
      secret: secrets,
      name: 'local',
      numExecutors,
      root: join(root.path, 'slave'),
      port: null,
      portIsExplicit: false,
      address: '127.0.0.1',
      ...slaveOptionsOf(config),
      // No other slave would use the bundles.
      getProjectFromMaster: false,
      // The user who gives the command also runs it.
      envPassthrough: config.slave.envPassthrough ?? ['*'],
      log,
    });
    cleanup.add(() => slave.stop());
    const { signal: trouble, stop } = watchTrouble(() => problemOf(served), systemClock);
    cleanup.add(stop);
    return { url, numExecutors, linkSecret, trouble, close: () => cleanup.releaseAll() };
  } catch (error) {
    await cleanup.releaseAll();
    throw error;
  }
}

/** Why the cluster cannot go on; null while an atom runs, whose end may change that. */
async function problemOf({ service, reading }: ServedMaster): Promise<string | null> {
  if (reading.problem === null) {
    const { slaves } = await service.listSlaves({ offset: 0, limit: MAX_PAGE });
    const idle = slaves.filter(({ state }) => state !== 'GONE');
    return idle.every(({ num_executors_in_use }) => num_executors_in_use === 0)
      ? (idle.find(({ reason }) => reason !== null)?.reason ?? null)
      : null;
  }
  const { builds } = await reading.listUnfinished({ offset: 0, limit: MAX_PAGE });
  for (const { id } of builds) {
    const { running } = await reading.explain(id);
    if (running.some(({ atoms }) => atoms.length > 0)) {
      return null;
    }
  }
  return reading.problem;
}

/** Ends what a killed command has left in the store: its slave, and builds that nobody waits for. */
async function cancelOrphans({ service }: ServedMaster): Promise<void> {
  const { slaves } = await service.listSlaves({ offset: 0, limit: Number.MAX_SAFE_INTEGER });
  for (const { id, state } of slaves) {
    if (state !== 'GONE') {
      await service.goodbyeSlave(id);
    }
  }
  for (let offset = 0; ; offset += MAX_PAGE) {
    const { builds } = await service.listBuilds({ offset, limit: MAX_PAGE });
    for (const build of builds.filter(({ status }) => status === 'BUILDING')) {
      await service.cancelBuild(build.id);
    }
    if (builds.length < MAX_PAGE) {
      return;
    }
  }
}
