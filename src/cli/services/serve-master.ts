import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { MasterSettings } from '../../config/schema.js';
import { CleanupStack } from '../../lib/async/cleanup-stack.js';
import { type Clock, systemClock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import type { Networks } from '../../lib/net/networks.js';
import { openFileLimit } from '../../lib/open-file-limit.js';
import type { SafeRegex } from '../../lib/text/safe-regex.js';
import { version } from '../../lib/version.js';
import { createApp } from '../../master/http/app.js';
import { connectionsWithin, isFarBelow } from '../../master/http/limits/limits.js';
import { listen } from '../../master/http/listen.js';
import type { TlsFiles } from '../../master/http/tls.js';
import { createMaster, type MasterOptions } from '../../master/master.js';
import type { MasterReading, MasterService } from '../../master/state/master-api.js';
import type { Secrets } from '../../protocol/signing/secrets.js';

export interface ServeMasterOptions extends Omit<MasterOptions, 'clock' | 'random' | 'freeBytes'> {
  readonly port: number;
  readonly portIsExplicit: boolean;
  /** The address to listen on; all of them unless given. */
  readonly address?: string;
  readonly secrets: Secrets;
  /** From here on: none unless given. */
  readonly hostNames?: readonly string[];
  readonly tls?: TlsFiles | null;
  /** Origins of web pages that may use the API; null: none. */
  readonly corsAllowedOrigins?: SafeRegex | null;
  readonly trustedProxies?: Networks;
  /** Whether it is the master of one command, and ends with its build. */
  readonly endsWithBuild?: boolean;
  readonly clock?: Clock;
}

export interface ServedMaster {
  readonly port: number;
  /** The default port was taken, and this is another. */
  readonly portReplaced: boolean;
  readonly service: MasterService;
  readonly reading: MasterReading;
  close(): Promise<void>;
}

/** The limits, with no more connections than `files` that this process may have open; null: no limit is known. */
export function withinFileLimit(settings: MasterSettings, files: number | null, log: Logger): MasterSettings {
  const maxConnections = connectionsWithin(settings.maxConnections, files);
  if (maxConnections < settings.maxConnections) {
    const level = isFarBelow(maxConnections, settings.maxConnections) ? 'warn' : 'debug';
    log[level](
      `The master keeps at most ${maxConnections} connections, and not max_connections = ${settings.maxConnections}, because it may have no more than ${files} files open; raise that limit (ulimit -n, LimitNOFILE).`,
    );
  }
  return { ...settings, maxConnections };
}

/** Puts the master together and listens. @throws ClusterRunnerError PORT_IN_USE */
export async function serveMaster(options: ServeMasterOptions): Promise<ServedMaster> {
  const clock = options.clock ?? systemClock;
  const temporaryDirectory = join(options.directory, 'incoming');
  mkdirSync(temporaryDirectory, { recursive: true, mode: 0o700 });
  const cleanup = new CleanupStack();
  try {
    const service = await createMaster({ ...options, clock, random: Math.random });
    cleanup.add(() => service.close());
    const app = createApp({
      ...options,
      service,
      reading: service,
      settings: withinFileLimit(options.settings, openFileLimit(), options.log),
      hostNames: options.hostNames ?? [],
      rememberNonce: (nonce, expires) => service.rememberNonce(nonce, expires),
      clock,
      temporaryDirectory,
      version,
    });
    const server = await listen(app, {
      port: options.port,
      explicit: options.portIsExplicit,
      tls: options.tls ?? null,
      ...(options.address === undefined ? {} : { hostname: options.address }),
    });
    cleanup.add(() => server.close());
    // Requests that wait for a store outage to end would keep the server open.
    cleanup.add(() => service.endRetries());
    return {
      port: server.port,
      portReplaced: server.replaced,
      service,
      reading: service,
      close: () => cleanup.releaseAll(),
    };
  } catch (error) {
    await cleanup.releaseAll();
    throw error;
  }
}
