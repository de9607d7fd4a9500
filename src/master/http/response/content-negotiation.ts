import type { Context } from 'koa';
import { ClusterRunnerError } from '../../../protocol/errors.js';
import type { RouteDeclaration } from '../../../protocol/route.js';

/** Media types that clients of the first API versions accept for its JSON. */
const OWN_TYPES =
  /(^|,)\s*application\/vnd\.clusterrunner(\.v\d+)?\+json\s*(;(?!\s*q=0(\.0*)?\s*(,|$))|,|$)/i;

export function acceptsOwnTypes(ctx: Context): boolean {
  return OWN_TYPES.test(ctx.get('Accept'));
}

/**
 * Refuses a request whose Accept excludes the route's media type. Errors are JSON all the same: a client that cannot read
 * them still has the status.
 */
export function requireAcceptable(route: RouteDeclaration, ctx: Context): void {
  if (route.response === 'redirect') {
    return;
  }
  if (typeof route.response !== 'string' && acceptsOwnTypes(ctx)) {
    return;
  }
  // With its parameters, so that `text/plain;version=0.0.4` matches.
  const served = typeof route.response === 'string' ? route.response : 'application/json; charset=utf-8';
  if (ctx.accepts(served) === false) {
    throw new ClusterRunnerError(
      'NOT_ACCEPTABLE',
      `${route.method} ${route.path} responds with ${served}, which the Accept header of the request excludes; add it there, or send */*.`,
    );
  }
}
