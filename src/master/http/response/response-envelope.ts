import { randomUUID } from 'node:crypto';
import type { Context, Middleware, Next } from 'koa';
import type { Logger } from '../../../lib/logger.js';
import { ClusterRunnerError, reasonWithoutPaths } from '../../../protocol/errors.js';
import { API_VERSION } from '../../../protocol/routes.js';
import { isDamage } from '../../store/engine/outage.js';
import { withTokenHidden } from '../auth/read-auth.js';
import { discardRest } from '../body/raw-body.js';
import type { InflightCalls } from '../limits/inflight-calls.js';

export interface EnvelopeOptions {
  readonly sessionId: string;
  readonly inflightCalls: InflightCalls;
  readonly log: Logger;
}

/** In a query; no route has ten. Parsing takes quadratic time. */
const MAX_PARAMETERS = 100;

/**
 * Adds the parts that all responses share, errors included: headers and STATUS. An error that is thrown below becomes a
 * status and a message.
 */
export function responseEnvelope(options: EnvelopeOptions): Middleware {
  return async (ctx, next) => {
    ctx.set('Api-Version', String(API_VERSION));
    ctx.set('Session-Id', options.sessionId);
    ctx.set('X-Content-Type-Options', 'nosniff');
    // A URL with a read token in it must not leave this origin.
    ctx.set('Referrer-Policy', 'no-referrer');
    try {
      requireSession(ctx, options.sessionId);
      await next();
    } catch (error) {
      respondError(ctx, error, options.log);
    } finally {
      if (options.inflightCalls.stopping.aborted) {
        ctx.set('Connection', 'close');
      }
      discardRest(ctx.req);
    }
  };
}

function requireSession(ctx: Context, sessionId: string): void {
  for (const header of ['Expected-Session-Id', 'Session-Id']) {
    const expected = ctx.get(header);
    if (expected !== '' && expected !== sessionId) {
      throw new ClusterRunnerError(
        'SESSION_MISMATCH',
        `This is not the run of the master that ${header} names: it was started again since; its Session-Id is now ${sessionId}.`,
      );
    }
  }
}

function respondError(ctx: Context, error: unknown, log: Logger): void {
  const known =
    error instanceof ClusterRunnerError && error.code !== 'INTERNAL' ? error : hidden(ctx, error, log);
  if (known.status === 503 || known.retryAfterSeconds !== null) {
    ctx.set('Retry-After', String(known.retryAfterSeconds ?? 1));
  }
  if (known.code === 'TOO_SLOW') {
    ctx.set('Connection', 'close');
  }
  if (known.status === 401 && !ctx.res.hasHeader('WWW-Authenticate')) {
    ctx.set('WWW-Authenticate', 'ClusterRunner');
  }
  ctx.status = known.status;
  ctx.body = { STATUS: 'FAILURE', error: known.message, code: known.code };
}

/** An internal error: the log has everything, the client only the id to look for. */
function hidden(ctx: Context, error: unknown, log: Logger): ClusterRunnerError {
  const requestId = randomUUID();
  log.error(
    { err: error, requestId, method: ctx.method, url: withTokenHidden(ctx.url) },
    'A request failed.',
  );
  if (isDamage(error)) {
    return new ClusterRunnerError(
      'UNAVAILABLE',
      `The database of the master is damaged (${reasonWithoutPaths(error)}); stop the master, then put a copy of master.db in its place, or move it away to start with a new one.`,
    );
  }
  return new ClusterRunnerError(
    'INTERNAL',
    `The master failed at this request; its log has the details under ${requestId}.`,
  );
}

/** Refuses a malformed request target, before anything looks at its path. */
export async function requireReadablePath(ctx: Context, next: Next): Promise<void> {
  if (!ctx.url.startsWith('/')) {
    const absolute = URL.canParse(ctx.url) ? new URL(ctx.url) : null;
    if (absolute === null) {
      throw new ClusterRunnerError(
        'INVALID_REQUEST',
        'The target of the request is not a path; send one like /v1/build.',
      );
    }
    ctx.url = absolute.pathname + absolute.search;
  }
  if (ctx.querystring.split('&', MAX_PARAMETERS + 1).length > MAX_PARAMETERS) {
    throw new ClusterRunnerError(
      'INVALID_REQUEST',
      `The query of the request has more than the ${MAX_PARAMETERS} parameters that are accepted.`,
    );
  }
  try {
    decodeURIComponent(ctx.path);
  } catch (error) {
    throw new ClusterRunnerError(
      'INVALID_REQUEST',
      `The path ${ctx.path} has a % that does not begin a valid escape; write a percent sign as %25.`,
      { cause: error },
    );
  }
  await next();
}
