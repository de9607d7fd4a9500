import { join } from 'node:path';
import { parseMasterUrl } from '../../client/master-client.js';
import { systemClock } from '../../lib/clock.js';
import { lockFreeDirectory } from '../../lib/fs/directory-lock.js';
import { startSlave } from '../../slave/slave.js';
import { masterOnThisMachine } from '../build/request/master-on-this-machine.js';
import { type CommonOptions, createContext } from '../context.js';
import { configuredMasterUrl, trustOf } from '../master-connection.js';
import { openEventLog } from '../services/event-log.js';
import { slaveOptionsOf } from '../services/service-options.js';
import { registerService } from '../services/services.js';
import { untilStopped, untilStoppedTwice } from '../services/stop-signals.js';

export interface SlaveArguments extends CommonOptions {
  readonly masterUrl?: string;
  readonly numExecutors?: string;
  readonly port?: string;
  readonly finishOnStop?: boolean;
  readonly eventlogFile?: string;
}

/** `clusterrunner slave`: works until a stop signal, or until the master drains it. */
export async function slave(options: SlaveArguments): Promise<void> {
  const { config, log, close } = createContext('slave', options, {
    'slave.num_executors': options.numExecutors,
    'slave.port': options.port,
    'general.eventlog_filename': options.eventlogFile,
  });
  const trust = trustOf(config, log);
  const masterUrl = parseMasterUrl(
    options.masterUrl ?? (await masterOnThisMachine(config, trust)) ?? configuredMasterUrl(config),
  );
  const [finish, stopped] = stopSignals(options.finishOnStop === true);
  const root = lockFreeDirectory(join(config.baseDirectory, 'slaves'), 'slave');
  const forget = registerService(config.baseDirectory, 'slave', null, log);
  const events = openEventLog(config, systemClock);
  const starting = new AbortController();
  for (const signaled of [finish, stopped]) {
    signaled.then(() => starting.abort());
  }
  try {
    const handle = await startSlave({
      masterUrl: masterUrl.href,
      ...trust,
      name: config.hostname,
      numExecutors: config.slave.numExecutors,
      root: root.path,
      port: config.slave.port,
      portIsExplicit: config.isExplicit('slave.port'),
      address: config.slave.address,
      ...slaveOptionsOf(config),
      getProjectFromMaster: config.getProjectFromMaster,
      envPassthrough: config.slave.envPassthrough ?? [],
      log,
      signal: starting.signal,
      onEvent: (tag, data) => events?.record(tag, data),
    });
    events?.record('SERVICE_STARTED', { service: 'slave' });
    const executors =
      config.slave.numExecutors === 1 ? '1 executor' : `${config.slave.numExecutors} executors`;
    process.stdout.write(`Slave is connected to ${masterUrl.origin} with ${executors}\n`);
    finish.then(() => handle.finish());
    await Promise.race([stopped.then(() => handle.stop()), handle.done]);
  } catch (error) {
    // Stopped before it had found its master, it has nothing to end.
    if (!starting.signal.aborted) {
      throw error;
    }
  } finally {
    events?.record('SERVICE_STOPPED', { service: 'slave' });
    await events?.close();
    forget();
    root.release();
    await close();
  }
}

/** Resolve when the slave is to take no more work, and when it is to return its leases. */
function stopSignals(finishFirst: boolean): [finish: Promise<unknown>, stop: Promise<unknown>] {
  return finishFirst ? untilStoppedTwice() : [new Promise(() => undefined), untilStopped()];
}
