import { join } from 'node:path';
import type { LoadedConfig } from '../config/load.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import { type CommonOptions, createContext } from './context.js';
import { serveMaster } from './serve-master.js';
import { noteService } from './services.js';
import { untilStopped } from './until-stopped.js';

export interface MasterOptions extends CommonOptions {
  readonly port?: string;
}

/** `clusterrunner master`: serves until it is told to stop. */
export async function master(options: MasterOptions): Promise<void> {
  const { config, log } = createContext('master', options, { 'master.port': options.port });
  refuseHttps(config);
  const stopped = untilStopped();
  const served = await serveMaster({
    directory: join(config.baseDirectory, 'master'),
    port: config.master.port,
    portIsExplicit: config.isExplicit('master.port'),
    secret: config.secret,
    corsAllowedOrigins: config.corsAllowedOriginsRegex,
    leaseSeconds: config.master.unresponsiveSlavesCleanupInterval,
    retention: { buildsKept: config.master.buildsKept, daysKept: config.master.resultsKeptDays },
    maxPackBytes: config.master.packsMaxMib * 1024 ** 2,
    log,
  });
  const forget = noteService(config.baseDirectory, 'master');
  try {
    if (served.portReplaced) {
      process.stdout.write(`Port ${config.master.port} is taken; using ${served.port} instead.\n`);
    }
    process.stdout.write(`Master is listening on http://${config.hostname}:${served.port}\n`);
    log.info({ signal: await stopped }, 'stopping');
  } finally {
    forget();
    await served.close();
  }
}

/** Whoever asked for encryption must not get a master without. */
function refuseHttps({ httpsCertFile, httpsKeyFile, configFile }: LoadedConfig): void {
  if (httpsCertFile !== null || httpsKeyFile !== null) {
    throw new ClusterRunnerError(
      'CONFIG_INVALID',
      `${configFile} asks for HTTPS, which this master does not speak; put a proxy that does before it, and take ` +
        'https_cert_file and https_key_file out.',
    );
  }
}
