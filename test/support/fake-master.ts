import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { MasterClient } from '../../src/client/master-client.js';
import type { MasterSettings } from '../../src/config/schema.js';
import { type Clock, systemClock } from '../../src/lib/clock.js';
import { Networks } from '../../src/lib/net/networks.js';
import { SafeRegex } from '../../src/lib/text/safe-regex.js';
import { createApp } from '../../src/master/http/app.js';
import { listen } from '../../src/master/http/listen.js';
import { fixedSecrets } from '../../src/protocol/signing/secrets.js';
import { FakeService } from './fake-service.js';
import { defaults } from './settings.js';

export interface FakeMaster {
  readonly service: FakeService;
  readonly url: string;
  readonly secret: string;
  readonly client: MasterClient;
  /** Removed at the end. */
  readonly directory: string;
  /** Incoming results are written here. */
  readonly temporaryDirectory: string;
  /** The log of the master, as objects. */
  readonly logged: Record<string, unknown>[];
  /** Stops listening; `close` must still be called. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

export interface FakeMasterOptions {
  readonly clock?: Clock;
  readonly secrets?: readonly string[];
  readonly settings?: Partial<MasterSettings>;
  readonly corsAllowedOrigins?: string;
  readonly trustedProxies?: readonly string[];
}

/** The real HTTP layer on a free port of this machine, with a service in memory. */
export async function startFakeMaster(options: FakeMasterOptions = {}): Promise<FakeMaster> {
  const service = new FakeService();
  const directory = mkdtempSync(join(tmpdir(), 'clusterrunner-fake-'));
  const temporaryDirectory = join(directory, 'incoming');
  const [secret = 'a secret of the tests', ...more] = options.secrets ?? [];
  const logged: Record<string, unknown>[] = [];
  const app = createApp({
    service,
    reading: service,
    secrets: fixedSecrets(secret, ...more),
    hostNames: ['master', 'x'],
    settings: { ...defaults, ...options.settings },
    rememberNonce: service.rememberNonce,
    clock: options.clock ?? systemClock,
    log: pino({ level: 'debug' }, { write: (line: string) => logged.push(JSON.parse(line)) }),
    temporaryDirectory,
    version: '1.2.3',
    corsAllowedOrigins:
      options.corsAllowedOrigins === undefined ? null : SafeRegex.read(options.corsAllowedOrigins),
    trustedProxies: Networks.read(options.trustedProxies ?? []) ?? Networks.none,
  });
  const server = await listen(app, { port: 0, hostname: '127.0.0.1', explicit: true });
  const url = `http://127.0.0.1:${server.port}`;
  const client = new MasterClient({ url, secret, ...(options.clock ? { clock: options.clock } : {}) });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= server.close();
    return stopped;
  };
  const close = async () => {
    await client.close();
    await stop();
    rmSync(directory, { recursive: true, force: true });
  };
  return { service, url, secret, client, directory, temporaryDirectory, logged, stop, close };
}
