import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { request } from 'undici';
import type { LoadedConfig } from '../../config/load.js';
import { routes } from '../../protocol/routes.js';
import { runningServices } from '../services.js';

const Answer = Type.Object({ api_version: Type.Integer() });
const PATIENCE_MS = 2_000;

/**
 * The URL of the master that is used when none is named: the configured one when the configuration names one, else one
 * of this base directory that runs here, else one that listens on this machine's port for masters; null when there is
 * none.
 */
export async function masterOnThisMachine(config: LoadedConfig): Promise<string | null> {
  if (config.isExplicit('slave.master_hostname')) {
    return `http://${config.slave.masterHostname}:${config.slave.masterPort}`;
  }
  const noted = runningServices(config.baseDirectory).flatMap(({ port }) => port ?? []);
  for (const port of new Set([...noted, config.master.port])) {
    const url = `http://127.0.0.1:${port}`;
    if (await isMaster(url)) {
      return url;
    }
  }
  return null;
}

async function isMaster(url: string): Promise<boolean> {
  try {
    const { body } = await request(url + routes.version.path, {
      headersTimeout: PATIENCE_MS,
      bodyTimeout: PATIENCE_MS,
    });
    return Value.Check(Answer, await body.json());
  } catch {
    // Nothing listens there, or something that does not speak our API: in both cases no master.
    return false;
  }
}
