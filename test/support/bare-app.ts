import type { RequestListener } from 'node:http';
import { pino } from 'pino';
import type { App } from '../../src/master/http/app.js';
import { Connections } from '../../src/master/http/limits/connections.js';
import { defaultLimits } from '../../src/master/http/limits/limits.js';

/** What `listen` serves, without an API. */
export function bareApp(handle: RequestListener, stop: () => void = () => undefined): App {
  return {
    handle,
    connections: new Connections(defaultLimits.connections),
    sessionId: 'bare',
    limits: defaultLimits,
    log: pino({ level: 'silent' }),
    stop,
  };
}
