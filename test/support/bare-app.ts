import type { RequestListener } from 'node:http';
import { pino } from 'pino';
import type { App } from '../../src/master/http/app.js';
import { Connections } from '../../src/master/http/limits/connections.js';
import { defaults } from './settings.js';

/** An app for `listen` without an API. */
export function bareApp(handle: RequestListener, stop: () => void = () => undefined): App {
  return {
    handle,
    connections: new Connections(defaults.maxConnections),
    sessionId: 'bare',
    settings: defaults,
    log: pino({ level: 'silent' }),
    stop,
  };
}
