import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { serveMaster } from '../../src/cli/services/serve-master.js';
import { version } from '../../src/lib/version.js';
import type { RouteDeclaration } from '../../src/protocol/route.js';
import { routes } from '../../src/protocol/routes.js';
import { fixedSecrets } from '../../src/protocol/signing/secrets.js';
import { bodyHmac, contentDigestOf, signRequest } from '../../src/protocol/signing/signing.js';
import type { Example } from './api-page.js';
import { ManualClock } from './manual-clock.js';
import { settings } from './settings.js';

const declared: RouteDeclaration[] = Object.values(routes);

export interface Real {
  readonly status: number;
  readonly headers: Headers;
  /** Without values that differ from run to run. */
  readonly text: string;
}

export interface ExampleMaster {
  readonly url: string;
  readonly secret: string;
  readonly clock: ManualClock;
  /** Signs as the route of the example requires, and sends. `body` replaces the example's own. */
  send(example: Example, target?: string, body?: Buffer): Promise<Real>;
  close(): Promise<void>;
}

/** Looks like a random token, and is the same in each run. */
export function exampleToken(lease: number): string {
  return createHash('sha256').update(String(lease)).digest('base64url').slice(0, 16);
}

/** A real master on a free port. Its clock stands still between requests, so its responses are always the same. */
export async function startExampleMaster(): Promise<ExampleMaster> {
  const clock = new ManualClock();
  const directory = mkdtempSync(join(tmpdir(), 'clusterrunner-examples-'));
  const secret = 'an example secret';
  const master = await serveMaster({
    directory,
    port: 0,
    portIsExplicit: true,
    address: '127.0.0.1',
    secrets: fixedSecrets(secret),
    settings: { ...settings, packsMaxBytes: 1024 ** 2, zipsMaxBytes: 1024 ** 2 },
    log: pino({ level: 'silent' }),
    clock,
    leaseToken: exampleToken,
  });
  const url = `http://127.0.0.1:${master.port}`;
  const steady = (text: string) =>
    text
      .replaceAll(master.service.sessionId, '0b9f3c1e')
      .replaceAll(`"version":"${version}"`, '"version":"1.0.0"');

  const signatureOf = (example: Example, target: string, body: Buffer): Record<string, string> => {
    const route = declared.find(({ method, path }) => `${method} ${path}` === example.route);
    switch (route?.signing) {
      case 'body-hmac':
        return { 'ClusterRunner-Message-Authentication-Digest': bodyHmac(secret, body) };
      case 'http-signature': {
        const signed = { method: example.method, target, digest: contentDigestOf(body) };
        return signRequest(secret, signed, clock.now() / 1000, randomUUID());
      }
      default:
        return {};
    }
  };

  return {
    url,
    secret,
    clock,
    async send(example, target = example.target, body = Buffer.from(example.body ?? '')) {
      const response = await fetch(url + target, {
        method: example.method,
        redirect: 'manual',
        headers: {
          'content-type': 'application/json',
          ...example.headers,
          ...signatureOf(example, target, body),
        },
        ...(example.method === 'GET' ? {} : { body }),
      });
      const isEndless = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
      const text = isEndless ? await firstChunks(response, 3) : await response.text();
      return { status: response.status, headers: response.headers, text: steady(text) };
    },
    async close() {
      await master.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The first chunks of server-sent events, each of which ends with an empty line. */
async function firstChunks(response: Response, count: number): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    const pieces = text.split('\n\n');
    if (pieces.length > count) {
      return `${pieces.slice(0, count).join('\n\n')}\n`;
    }
  }
  throw new Error(`The events ended before ${count} chunks: ${text}`);
}
