import { isIPv6 } from 'node:net';
import cors from '@koa/cors';
import type { Context, Middleware, Next } from 'koa';
import { HostNames, isLoopback, nameOfHost } from '../../lib/net/host-names.js';
import type { SafeRegex } from '../../lib/text/safe-regex.js';
import { ClusterRunnerError } from '../../protocol/errors.js';

/*
 * Which hosts and origins are accepted. A page of another origin in somebody's browser may neither read responses of a
 * master that the browser can reach (CORS) nor change anything, whatever credentials it has.
 */

const NAME = /^[A-Za-z0-9_]([A-Za-z0-9._-]{0,253}[A-Za-z0-9_.])?$/;
const AUTHORITY = /^(\[(?<address>[^\]]*)\]|(?<name>[^:[\]]*))(:(?<port>\d{1,5}))?$/;
const MAX_PORT = 65_535;
const HOST = 'host';

/** Whether the text is `name`, `name:port`, `1.2.3.4:port` or `[::1]:port`. */
export function isHost(text: string): boolean {
  const { address, name, port } = AUTHORITY.exec(text)?.groups ?? {};
  const isNamed = address === undefined ? NAME.test(name ?? '') : isIPv6(address);
  return isNamed && Number(port ?? 0) <= MAX_PORT;
}

/** Refuses a request without exactly one valid Host (RFC 9112, section 3.2). */
export async function requireHost(ctx: Context, next: Next): Promise<void> {
  const hosts = hostsOf(ctx.req.rawHeaders);
  const isOld = ctx.req.httpVersionMajor === 1 && ctx.req.httpVersionMinor === 0;
  const isValid = hosts.length === 0 ? isOld : hosts.length === 1 && hosts.every(isHost);
  if (!isValid) {
    throw new ClusterRunnerError(
      'INVALID_REQUEST',
      'The request needs one header Host with the name or address of the master, like `Host: master:43000`.',
    );
  }
  await next();
}

/** @param rawHeaders names and values in turn; Node's `headers` drops a repeated Host. */
function hostsOf(rawHeaders: readonly string[]): string[] {
  const hosts: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = [rawHeaders[at], rawHeaders[at + 1]];
    if (name.length === HOST.length && name.toLowerCase() === HOST) {
      hosts.push(value);
    }
  }
  return hosts;
}

/** The hosts that a request names; that of a target in absolute form (`GET http://host/v1`) comes before Host. */
function requestedHosts(ctx: Context): string[] {
  const target = ctx.req.url ?? '';
  const host = ctx.get('Host');
  return target.startsWith('/') || !URL.canParse(target) ? [host] : [new URL(target).host, host];
}

/** Refuses a request over loopback that names another machine; see HostNames. */
export function requireKnownHost(names: readonly string[]): Middleware {
  const known = new HostNames(names);
  return async (ctx, next) => {
    const isLocal = isLoopback(ctx.req.socket.localAddress ?? '');
    const unknown = isLocal ? requestedHosts(ctx).find((host) => !known.has(host)) : undefined;
    if (unknown !== undefined) {
      throw new ClusterRunnerError(
        'WRONG_HOST',
        `This master is not known as ${nameOfHost(unknown)}; if it should be (behind a proxy on this machine), add that to allowed_hosts in its clusterrunner.conf, or to /etc/hosts with the address 127.0.0.1.`,
      );
    }
    await next();
  };
}

/** `allowed` must match an origin whole, e.g. `https://ci\.example\.com`. */
export function isAllowedOrigin(origin: string, allowed: SafeRegex | null): boolean {
  return allowed?.matchesWhole(origin) === true;
}

/** Refuses a change that a browser sends for a page of an origin that is not allowed. */
export function requireOrigin(allowed: SafeRegex | null): Middleware {
  return async (ctx, next) => {
    const origin = ctx.get('Origin');
    const reads = ['GET', 'HEAD', 'OPTIONS'].includes(ctx.method);
    if (origin !== '' && !reads && !isOwnOrigin(origin, ctx) && !isAllowedOrigin(origin, allowed)) {
      throw new ClusterRunnerError(
        'FORBIDDEN_ORIGIN',
        `Pages of the origin ${origin.slice(0, 200)} may not change anything here; cors_allowed_origins_regex in the master's clusterrunner.conf says whose may.`,
      );
    }
    await next();
  };
}

/** The scheme is ignored: behind a proxy that terminates TLS, the master does not know its own. */
export function isOwnOrigin(origin: string, ctx: Context): boolean {
  return URL.canParse(origin) && new URL(origin).host === ctx.get('Host').toLowerCase();
}

/** Lets pages of allowed origins read responses, and handles preflight requests of their browsers. */
export function shareWith(allowed: SafeRegex): Middleware {
  return cors({
    origin: (ctx) => (isAllowedOrigin(ctx.get('Origin'), allowed) ? ctx.get('Origin') : ''),
    allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    exposeHeaders: ['Api-Version', 'Session-Id', 'ETag', 'Content-Disposition', 'Allow'],
    maxAge: 600,
    keepHeadersOnError: false,
  });
}
