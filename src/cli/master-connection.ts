import { readFileSync } from 'node:fs';
import type { LoadedConfig } from '../config/load.js';
import { ReloadingSecrets } from '../config/reloading-secrets.js';
import { systemClock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { ClusterRunnerError, messageOf } from '../protocol/errors.js';
import type { Secrets } from '../protocol/signing/secrets.js';

/** How this machine authenticates to a master, and verifies the master. */
export interface Trust {
  readonly secret: Secrets;
  readonly ca?: string;
}

/** @throws ClusterRunnerError CONFIG_INVALID */
export function trustOf(config: LoadedConfig, log: Logger): Trust {
  const secret = new ReloadingSecrets(config, process.env, systemClock, log);
  return config.httpsCaFile === null ? { secret } : { secret, ca: readCa(config.httpsCaFile) };
}

/** The URL of the configured master; HTTPS when a CA is configured. */
export function configuredMasterUrl(config: LoadedConfig): string {
  const scheme = config.httpsCaFile === null ? 'http' : 'https';
  return `${scheme}://${config.slave.masterHostname}:${config.slave.masterPort}`;
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ClusterRunnerError('CONFIG_INVALID', `https_ca_file cannot be read: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}
