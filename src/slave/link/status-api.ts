import { createServer } from 'node:http';
import Router from '@koa/router';
import Koa, { type Context } from 'koa';
import { Gauge, Registry } from 'prom-client';
import type { Logger } from '../../lib/logger.js';
import { HostNames, isLoopback } from '../../lib/net/host-names.js';
import { listenOn, portOf } from '../../lib/net/listen-on.js';
import { version } from '../../lib/version.js';
import type { Containment } from '../../process/containment/containment.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { BuildId, SubjobId } from '../../protocol/ids.js';
import { API_VERSION } from '../../protocol/routes.js';

const MAX_CONNECTIONS = 100;

export interface ExecutorStatus {
  readonly id: number;
  readonly busy: boolean;
  readonly current_build: BuildId | null;
  readonly current_subjob: SubjobId | null;
}

export interface SlaveStatus {
  readonly slave_id: number | null;
  readonly name: string;
  readonly master_url: string;
  readonly is_draining: boolean;
  readonly executors: readonly ExecutorStatus[];
  /** How the slave finds the processes of builds; see docs/operating.md. */
  readonly containment: Containment['kind'];
  /** Builds whose teardown is running. */
  readonly builds_in_teardown: readonly BuildId[];
  /** Results that the master has not acknowledged. */
  readonly num_results_waiting: number;
  /** Files of ended builds that this user cannot remove. */
  readonly unremovable: { readonly folder: string; readonly count: number };
}

export interface StatusServer {
  readonly port: number;
  /** Serves this status from now on; until then requests get UNAVAILABLE. */
  show(status: () => SlaveStatus): void;
  close(): Promise<void>;
}

export interface StatusOptions {
  readonly port: number;
  /** Whether the user has set the port, so that no other may be used. */
  readonly explicit: boolean;
  /** The address to listen on. */
  readonly address: string;
  /** A name of this machine that requests may use, besides its addresses and localhost. */
  readonly name: string;
  readonly log: Logger;
}

/**
 * Serves the status of the slave to people and monitors, read-only.
 * @throws ClusterRunnerError PORT_IN_USE when an explicit port is taken
 */
export async function serveStatus({
  port,
  explicit,
  address,
  name,
  log,
}: StatusOptions): Promise<StatusServer> {
  let status: (() => SlaveStatus) | null = null;
  const app = new Koa();
  app.on('error', (error: unknown) => log.debug({ err: error }, 'A response of the status API was cut off.'));
  const names = new HostNames([name]);
  app.use(envelope);
  app.use((ctx, next) => requireKnownHost(ctx, names, next));
  app.use(
    statusRouter(() => {
      if (status === null) {
        throw new ClusterRunnerError('UNAVAILABLE', 'The slave is starting; try again.');
      }
      return status();
    }).routes(),
  );
  app.use((ctx) => {
    throw new ClusterRunnerError('NOT_FOUND', `There is no ${ctx.path} here; GET /v1 begins the API.`);
  });
  const server = createServer(app.callback());
  // Connections must not use up the file descriptors that builds need.
  server.maxConnections = MAX_CONNECTIONS;
  if (!(await listenOn(server, { port, host: address }))) {
    if (explicit) {
      throw new ClusterRunnerError(
        'PORT_IN_USE',
        `Port ${port} is taken by another program; stop that, or choose another port with --port.`,
      );
    }
    await listenOn(server, { port: 0, host: address });
    log.info(`Port ${port} is taken; the status API is on port ${portOf(server)} instead.`);
  }
  return {
    port: portOf(server),
    show: (current) => {
      status = current;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Protects from DNS rebinding: a web page open on this machine may have pointed its own name to this address. */
async function requireKnownHost(ctx: Context, names: HostNames, next: () => Promise<unknown>): Promise<void> {
  if (isLoopback(ctx.req.socket.localAddress ?? '') && !names.has(ctx.get('Host'))) {
    throw new ClusterRunnerError('WRONG_HOST', 'This slave is not known by that name.');
  }
  await next();
}

async function envelope(ctx: Context, next: () => Promise<unknown>): Promise<void> {
  ctx.set('Api-Version', String(API_VERSION));
  try {
    await next();
  } catch (error) {
    if (!(error instanceof ClusterRunnerError)) {
      throw error;
    }
    ctx.status = error.status;
    ctx.body = { STATUS: 'FAILURE', code: error.code, error: error.message };
  }
}

function statusRouter(status: () => SlaveStatus): Router {
  const router = new Router();
  const json = (path: string, respond: (ctx: Context, id: string) => object, children: object = {}) => {
    router.get([path, path.replace(/^\/v1/, '') || '/'], (ctx) => {
      ctx.body = { STATUS: 'SUCCESS', ...respond(ctx, ctx.params.id ?? ''), child_routes: children };
    });
  };
  json('/v1', () => ({ slave: status() }), { executor: '/v1/executor', version: '/v1/version' });
  json('/v1/executor', () => ({ executors: status().executors }), { executor: '/v1/executor/:id' });
  json('/v1/executor/:id', (_, id) => ({ executor: findExecutor(status(), id) }));
  json('/v1/version', () => ({ version, api_version: API_VERSION }));
  json('/healthz', () => ({}));
  router.get(['/v1/metrics', '/metrics'], async (ctx) => {
    const registry = metricsOf(status());
    ctx.set('Content-Type', registry.contentType);
    ctx.body = await registry.metrics();
  });
  return router;
}

function findExecutor({ executors }: SlaveStatus, id: string): ExecutorStatus {
  const found = executors.find((executor) => String(executor.id) === id);
  if (found === undefined) {
    throw new ClusterRunnerError('NOT_FOUND', `There is no executor ${id}; GET /v1/executor lists them.`);
  }
  return found;
}

function metricsOf({ executors, num_results_waiting, unremovable }: SlaveStatus): Registry {
  const registry = new Registry();
  const gauge = (name: string, help: string, value: number) =>
    new Gauge({ name, help, registers: [registry] }).set(value);
  const busy = executors.filter((executor) => executor.busy).length;
  gauge('clusterrunner_slave_executors', 'Executors of this slave.', executors.length);
  gauge('clusterrunner_slave_executors_busy', 'Executors that run something.', busy);
  gauge(
    'clusterrunner_slave_results_waiting',
    'Results that the master has not acknowledged.',
    num_results_waiting,
  );
  gauge(
    'clusterrunner_slave_unremovable',
    'Files and folders of ended builds that cannot be removed.',
    unremovable.count,
  );
  return registry;
}
