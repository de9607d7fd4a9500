import type { RequestListener } from 'node:http';
import Router from '@koa/router';
import Koa, { type Context } from 'koa';
import type { MasterSettings } from '../../config/schema.js';
import { seconds } from '../../lib/clock.js';
import { hasCode } from '../../lib/error-code.js';
import type { Logger } from '../../lib/logger.js';
import { Networks } from '../../lib/net/networks.js';
import type { SafeRegex } from '../../lib/text/safe-regex.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { RouteDeclaration } from '../../protocol/route.js';
import { agentRoutes } from '../../protocol/routes/agent-routes.js';
import { type RouteName, routes } from '../../protocol/routes.js';
import { removeLeftovers } from '../archives/incoming/incoming-archive.js';
import type { MasterReading, MasterService } from '../state/master-api.js';
import type { Keys } from './auth/authenticate.js';
import { SignatureRateLimit } from './auth/signature-rate-limit.js';
import { createJsonParser } from './body/json-body.js';
import { UnauthenticatedBodyBudget } from './body/unauthenticated-body-budget.js';
import { DirectRoutes } from './direct-routes.js';
import { createEndpoint, type Endpoint } from './endpoint.js';
import { createHandlers } from './handlers.js';
import { ConcurrentReadLimit } from './limits/concurrent-read-limit.js';
import { Connections } from './limits/connections.js';
import { InflightCalls } from './limits/inflight-calls.js';
import { PerSlaveLimit } from './limits/per-slave-limit.js';
import { Turns } from './limits/turns.js';
import { UnreadBytes } from './limits/unread-bytes.js';
import { requireHost, requireKnownHost, requireOrigin, shareWith } from './origin-policy.js';
import { readPageFiles } from './page/page-files.js';
import { servePage } from './page/page-routes.js';
import { RefusalLog } from './response/refusal-log.js';
import { requireReadablePath, responseEnvelope } from './response/response-envelope.js';

export interface AppOptions extends Omit<Keys, 'acceptBodyDigest' | 'failedSignatures'> {
  readonly service: MasterService;
  readonly reading: MasterReading;
  readonly log: Logger;
  /** Used by this app alone: leftovers of an earlier run are removed. Must be on the file system of the results. */
  readonly temporaryDirectory: string;
  /** Shown to clients. */
  readonly version: string;
  /** Whether the master is that of one command, and ends with its build; shown to clients. */
  readonly endsWithBuild?: boolean;
  readonly settings: MasterSettings;
  /** Names of this machine beside its addresses and localhost; see requireKnownHost. */
  readonly hostNames: readonly string[];
  /** Matches the whole origin of pages that may use the API from a browser. None unless given. */
  readonly corsAllowedOrigins?: SafeRegex | null;
  /** Proxies whose X-Forwarded-For is trusted. None unless given. */
  readonly trustedProxies?: Networks;
}

/** The API, and what `listen` needs beside it for connections on which no request reaches it. */
export interface App {
  readonly handle: RequestListener;
  readonly connections: Connections;
  readonly sessionId: string;
  readonly settings: MasterSettings;
  readonly log: Logger;
  /** Ends open long polls. */
  readonly stop: () => void;
}

/** The master's API over `service`: every declared route, under `/v1` and without. */
export function createApp(options: AppOptions): App {
  removeLeftovers(options.temporaryDirectory);
  const { settings, log } = options;
  const inflightCalls = new InflightCalls();
  const connections = new Connections(settings.maxConnections);
  const { router, direct } = createRouter(options, inflightCalls, connections);
  const app = new Koa();
  app.on('error', (error: unknown) => {
    // Only a response that has begun can still fail here.
    if (isHangUp(error) || inflightCalls.stopping.aborted) {
      log.debug('A response broke off: its reader went away, or the master stops.');
    } else {
      log.warn({ err: error }, 'A response could not be sent to its end.');
    }
  });
  const { sessionId } = options.service;
  const allowed = options.corsAllowedOrigins ?? null;
  app.use(responseEnvelope({ sessionId, inflightCalls, log }));
  app.use(requireHost);
  if (settings.readAccess === 'public') {
    app.use(requireKnownHost(options.hostNames));
  }
  app.use(requireOrigin(allowed));
  if (allowed !== null) {
    app.use(shareWith(allowed));
  }
  app.use(requireReadablePath);
  app.use((ctx, next) => {
    const found = direct.find(ctx.method, ctx.path);
    return found === null ? next() : found.target(ctx, found.params);
  });
  app.use(router.routes());
  app.use((ctx) => refuseUnrouted(ctx, router));
  return { handle: app.callback(), connections, sessionId, settings, log, stop: () => inflightCalls.stop() };
}

/** All routes; those of slaves are in `direct` too. */
function createRouter(
  options: AppOptions,
  inflightCalls: InflightCalls,
  connections: Connections,
): { readonly router: Router; readonly direct: DirectRoutes<Endpoint> } {
  const handlers = createHandlers({ ...options, turns: new Turns() });
  const { settings } = options;
  const refusals = new RefusalLog(options.clock, options.log);
  const failedSignatures = new SignatureRateLimit(
    settings.maxFailedSignatures,
    options.clock,
    (kind, address) => refusals.note(kind, address),
  );
  const shared = {
    keys: { ...options, acceptBodyDigest: settings.acceptBodyDigest, failedSignatures },
    connections,
    parseJson: createJsonParser(settings.maxBodyBytes, settings.maxJsonDepth),
    settings,
    log: options.log,
    inflightCalls,
    trustedProxies: options.trustedProxies ?? Networks.none,
    allowedOrigins: options.corsAllowedOrigins ?? null,
    perSlave: new PerSlaveLimit(settings.maxRequestsPerSlave),
    reads: new ConcurrentReadLimit(settings.maxReadsPerAddress),
    bodyBudget: new UnauthenticatedBodyBudget(settings.maxUnprovedBodyBytes),
    unread: new UnreadBytes(settings.maxUnreadBytes),
  };
  const endpointOf = <Name extends RouteName>(name: Name): Endpoint =>
    createEndpoint<(typeof routes)[Name]>(routes[name], handlers[name], {
      ...shared,
      childRoutes: childRoutesOf(routes[name]),
    });
  const router = new Router({ sensitive: true });
  router.get('/healthz', (ctx) => {
    const { problem } = options.reading;
    if (problem !== null) {
      throw new ClusterRunnerError('UNAVAILABLE', problem);
    }
    ctx.body = { STATUS: 'SUCCESS', child_routes: {} };
  });
  servePage(router, readPageFiles());
  const direct = new DirectRoutes<Endpoint>();
  for (const name of routeNames()) {
    const { method, path } = routes[name];
    const endpoint = endpointOf(name);
    const counted: Endpoint = (ctx, params) => {
      countResponse(ctx, path, options);
      return endpoint(ctx, params);
    };
    router.register(pathsOf(path), [method], (ctx) => counted(ctx, ctx.params));
    if (Object.hasOwn(agentRoutes, name)) {
      direct.add(method, path, counted);
    }
  }
  return { router, direct };
}

function countResponse(ctx: Context, path: string, { clock, reading }: AppOptions): void {
  const started = clock.monotonic();
  ctx.res.once('close', () => {
    if (!ctx.res.headersSent) {
      // The client hung up before the response, so there is no status to count.
      return;
    }
    reading.countRequest(ctx.method, path, ctx.res.statusCode, seconds(clock.monotonic() - started));
  });
}

function routeNames(): RouteName[] {
  const isName = (name: string): name is RouteName => Object.hasOwn(routes, name);
  return Object.keys(routes).filter(isName);
}

/** The declared path and its aliases: without the version, and with the names of lists in the plural. */
function pathsOf(path: string): string[] {
  const plural = path.replace(/\/(build|subjob|atom|slave|job)(?=\/|$)/g, '/$1s');
  return [...new Set([path, plural].flatMap((one) => [one, withoutVersion(one)]))];
}

/** The path without its version, which serves the newest one. */
export function withoutVersion(path: string): string {
  return path.replace(/^\/v1(?=\/|$)/, '') || '/';
}

function childRoutesOf(route: RouteDeclaration): Record<string, string> {
  const declared: Readonly<Record<string, RouteDeclaration>> = routes;
  return Object.fromEntries(
    Object.entries(route.children ?? {}).map(([label, name]) => {
      const child = declared[name];
      if (child === undefined) {
        throw new Error(
          `${route.method} ${route.path} names the child ${name}, which is not a declared route.`,
        );
      }
      return [label, child.path];
    }),
  );
}

function refuseUnrouted(ctx: Context, router: Router): void {
  const methods = [...new Set(router.match(ctx.path, ctx.method).path.flatMap((layer) => layer.methods))];
  if (methods.length === 0) {
    throw new ClusterRunnerError(
      'NOT_FOUND',
      `There is no ${ctx.path} here; GET /v1 begins the API, and docs/api.md lists it.`,
    );
  }
  ctx.set('Allow', methods.join(', '));
  if (ctx.method === 'OPTIONS') {
    ctx.status = 204;
    return;
  }
  throw new ClusterRunnerError(
    'METHOD_NOT_ALLOWED',
    `${ctx.method} is not possible at ${ctx.path}; use ${methods.join(' or ')}.`,
  );
}

/** Clients may hang up: a browser tab is closed, or nobody follows a build any more. */
function isHangUp(error: unknown): boolean {
  return hasCode(error, 'ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE');
}
