import { join } from 'node:path';
import { parseMasterUrl } from '../client/master-client.js';
import { claimDirectory } from '../lib/claimed-directory.js';
import { systemClock } from '../lib/clock.js';
import { startSlave } from '../slave/slave.js';
import { type CommonOptions, createContext } from './context.js';
import { noteService } from './services.js';
import { untilStopped, untilStoppedTwice } from './until-stopped.js';

export interface SlaveOptions extends CommonOptions {
  readonly masterUrl?: string;
  readonly numExecutors?: string;
  readonly port?: string;
  readonly finishOnStop?: boolean;
}

/** `clusterrunner slave`: works until it is told to stop or drained by the master. */
export async function slave(options: SlaveOptions): Promise<void> {
  const { config, log } = createContext('slave', options, {
    'slave.num_executors': options.numExecutors,
    'slave.port': options.port,
  });
  const masterUrl = parseMasterUrl(
    options.masterUrl ?? `http://${config.slave.masterHostname}:${config.slave.masterPort}`,
  );
  const [finish, stopped] = stopSignals(options.finishOnStop === true);
  const root = claimDirectory(join(config.baseDirectory, 'slaves'), 'slave');
  const forget = noteService(config.baseDirectory, 'slave');
  try {
    const handle = await startSlave({
      masterUrl: masterUrl.href,
      secret: config.secret,
      name: config.hostname,
      numExecutors: config.slave.numExecutors,
      root: root.path,
      port: config.slave.port,
      portIsExplicit: config.isExplicit('slave.port'),
      strictHostKeyChecking: config.gitStrictHostKeyChecking,
      projectFromMaster: config.getProjectFromMaster,
      env: process.env,
      clock: systemClock,
      random: Math.random,
      log,
    });
    const executors =
      config.slave.numExecutors === 1 ? '1 executor' : `${config.slave.numExecutors} executors`;
    process.stdout.write(`Slave is connected to ${masterUrl.origin} with ${executors}\n`);
    finish.then(() => handle.finish());
    await Promise.race([stopped.then(() => handle.stop()), handle.done]);
  } finally {
    forget();
    root.release();
  }
}

/** When it is to take no more work, and when it is to hand back what it has. */
function stopSignals(finishFirst: boolean): [finish: Promise<unknown>, stop: Promise<unknown>] {
  return finishFirst ? untilStoppedTwice() : [new Promise(() => undefined), untilStopped()];
}
