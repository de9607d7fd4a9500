import { createHash } from 'node:crypto';
import type { Dispatcher } from 'undici';
import type { RouteDeclaration } from '../../src/protocol/route.js';
import { routes } from '../../src/protocol/routes.js';
import { bodyHmac, contentDigestOf, signRequest } from '../../src/protocol/signing/signing.js';
import type { Random } from '../chaos/random.js';
import { bodyFor } from './bodies.js';
import { hostileText } from './hostile-values.js';

export interface GeneratedRequest {
  /** The declared route of the request, or a similar one. */
  readonly route: string;
  readonly method: Dispatcher.HttpMethod;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const declared: [string, RouteDeclaration][] = Object.entries(routes);
export const routeNames: readonly string[] = Object.keys(routes);
/** Ids that do not exist: signed requests of the fuzzer must not touch the other builds. */
const STRANGE_IDS: readonly string[] = [
  '0',
  '999999999',
  '9007199254740991',
  '9007199254740993',
  '-1',
  '1.0',
  '1e3',
];
/** Names that exist once a build has ended, by parameter; all others can be the builds' numbers. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  folder: ['artifact_0_0', 'artifact_0_1', 'artifact_0_999999999', 'artifact_9999999999_0'],
  path: ['clusterrunner_console_output', 'clusterrunner_exit_code', 'a/b/../../..', '..%2f..%2fmaster.db'],
  commit: ['a'.repeat(40), '0'.repeat(64), 'A'.repeat(40), 'a'.repeat(39)],
};
const OTHER_METHODS: readonly Dispatcher.HttpMethod[] = ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'];
const HEADERS: readonly string[] = [
  'accept',
  'accept-encoding',
  'authorization',
  'cookie',
  'content-type',
  'content-encoding',
  'expected-session-id',
  'if-none-match',
  'last-event-id',
  'origin',
  'range',
  'transfer-encoding-x',
  'x-forwarded-for',
  'x-http-method-override',
];

/** A request to a declared route, or to a similar one. `ordinal` 0, 1, … cycle through the routes. */
export function generateRequest(
  random: Random,
  secret: string,
  now: number,
  ordinal: number,
): GeneratedRequest {
  const [name, route] = declared[ordinal % declared.length] ?? random.pick(declared);
  const isRead = route.signing === 'none';
  const method = random.chance(0.95) ? route.method : random.pick(OTHER_METHODS);
  const target = pathOf(random, route, isRead) + queryOf(random, route);
  const body = bodyOf(random, route, method);
  const more = random.chance(0.3) ? { [random.pick(HEADERS)]: headerText(random) } : {};
  const headers: Record<string, string> = { 'content-type': 'application/json', ...more };
  return {
    route: name,
    method,
    target,
    body,
    headers: { ...headers, ...signatureOf(random, secret, now, method, target, body) },
  };
}

/** Reads may use existing ids; a wait would only delay the run. */
function pathOf(random: Random, route: RouteDeclaration, isRead: boolean): string {
  const ids = isRead ? ['0', '1', '2', ...STRANGE_IDS] : STRANGE_IDS;
  const path = route.path.replace(/[:*](\w+)/g, (_, name: string) =>
    random.chance(0.7)
      ? random.pick(KNOWN[name] ?? ids)
      : encodeURIComponent(wellFormed(hostileText(random))).slice(0, 4000),
  );
  const shortened = random.chance(0.2) ? path.replace('/v1', '') || '/' : path;
  return random.chance(0.05) ? `${shortened}/` : shortened;
}

function queryOf(random: Random, route: RouteDeclaration): string {
  const known = Object.keys(route.query.properties).filter((name) => name !== 'wait');
  const names = [
    ...known.filter(() => random.chance(0.4)),
    ...(random.chance(0.1) ? ['token'] : []),
    ...(random.chance(0.05) ? [hostileText(random)] : []),
  ];
  const pairs = names.map((name) => {
    const value = random.chance(0.5) ? String(random.integer(-1, 2000)) : hostileText(random);
    return `${encodeURIComponent(wellFormed(name))}=${encodeURIComponent(wellFormed(value))}`;
  });
  return pairs.length === 0 ? '' : `?${pairs.join('&').slice(0, 8000)}`;
}

function bodyOf(random: Random, route: RouteDeclaration, method: string): Buffer {
  if (method === 'GET' || method === 'HEAD') {
    return Buffer.alloc(0);
  }
  if (route.body === 'stream' || route.body === null) {
    return Buffer.from(Array.from({ length: random.integer(0, 3000) }, () => random.integer(0, 255)));
  }
  // A route with parameters gets an id that does not exist.
  return bodyFor(random, route.body, route.path.includes(':'));
}

/** Mostly valid, since more code lies after the check. */
function signatureOf(
  random: Random,
  secret: string,
  now: number,
  method: string,
  target: string,
  body: Buffer,
): Record<string, string> {
  const kind = random.next();
  if (kind < 0.15) {
    return {};
  }
  if (kind < 0.3) {
    const digest = bodyHmac(secret, body);
    const shown = random.chance(0.7) ? digest : wellFormedHeader(hostileText(random));
    return { 'clusterrunner-message-authentication-digest': shown };
  }
  const nonce = createHash('sha256').update(String(random.next())).digest('hex').slice(0, 40);
  const signed = signRequest(secret, { method, target, digest: contentDigestOf(body) }, now, nonce);
  if (kind < 0.4) {
    const name = random.pick(Object.keys(signed));
    return { ...signed, [name]: wellFormedHeader(hostileText(random)) };
  }
  return signed;
}

function headerText(random: Random): string {
  return wellFormedHeader(
    random.chance(0.5)
      ? hostileText(random)
      : random.pick(['gzip', 'text/html', '*/*;q=0', 'bytes=0-1', '*']),
  );
}

/** As far as the client's HTTP library permits; the raw bytes are for the rest. */
function wellFormedHeader(text: string): string {
  return text
    .replace(/[^\x20-\x7e]/g, '?')
    .trim()
    .slice(0, 6000);
}

function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}
