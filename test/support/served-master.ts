import { join } from 'node:path';
import { pino } from 'pino';
import { MasterClient } from '../../src/client/master-client.js';
import { systemClock } from '../../src/lib/clock.js';
import { createApp } from '../../src/master/http/app.js';
import { listen } from '../../src/master/http/listen.js';
import type { Master } from '../../src/master/master.js';
import { fixedSecrets } from '../../src/protocol/signing/secrets.js';
import { defaults } from './settings.js';

const SECRET = 'a secret of the tests';

export interface ServedHarness {
  readonly url: string;
  readonly client: MasterClient;
  /** Stops listening; the master goes on. */
  close(): Promise<void>;
}

/** The HTTP layer before the real master of a test, on a free port of this machine. */
export async function serveHarness(harness: {
  readonly master: Master;
  readonly directory: string;
}): Promise<ServedHarness> {
  const { master, directory } = harness;
  const app = createApp({
    service: master,
    reading: master,
    secrets: fixedSecrets(SECRET),
    hostNames: [],
    settings: defaults,
    rememberNonce: (nonce, expires) => master.rememberNonce(nonce, expires),
    clock: systemClock,
    log: pino({ level: 'silent' }),
    temporaryDirectory: join(directory, 'incoming'),
    version: '1.2.3',
  });
  const server = await listen(app, { port: 0, hostname: '127.0.0.1', explicit: true });
  const url = `http://127.0.0.1:${server.port}`;
  const client = new MasterClient({ url, secret: SECRET });
  return {
    url,
    client,
    close: async () => {
      await client.close();
      await server.close();
    },
  };
}
