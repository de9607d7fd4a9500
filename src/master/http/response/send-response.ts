import type { Context } from 'koa';
import type { RouteDeclaration } from '../../../protocol/route.js';
import { type Content, type NotYet, type Redirect, UNCHANGED } from '../handler.js';
import { ListResponse } from './list-response.js';
import { PreparedJson } from './prepared-json.js';

/** Sends a handler's result in the form that the route declares; `more` is added to JSON. */
export function sendResponse(
  ctx: Context,
  route: RouteDeclaration,
  result: unknown,
  more: Readonly<Record<string, unknown>>,
): void {
  if (result === UNCHANGED) {
    ctx.status = 304;
  } else if (result instanceof ListResponse || result instanceof PreparedJson) {
    ctx.status = route.status;
    ctx.body = result.content({ STATUS: 'SUCCESS' }, more);
    ctx.type = 'application/json';
  } else if (!isOfBytes(route, result)) {
    ctx.status = route.status;
    ctx.body = { STATUS: 'SUCCESS', ...(typeof result === 'object' ? result : {}), ...more };
  } else if (!result.ready) {
    ctx.status = 202;
    ctx.body = { STATUS: 'SUCCESS', error: result.error, ...more };
  } else if ('location' in result) {
    ctx.redirect(result.location);
    ctx.status = route.status;
    ctx.body = { STATUS: 'SUCCESS', location: result.location, ...more };
  } else {
    sendContent(ctx, route, result);
  }
}

/** The types of handlers tie their results to the declaration. */
function isOfBytes(route: RouteDeclaration, result: unknown): result is Content | Redirect | NotYet {
  return typeof route.response === 'string' && result !== undefined;
}

function sendContent(ctx: Context, route: RouteDeclaration, result: Content): void {
  ctx.status = route.status;
  if (result.fileName !== null) {
    ctx.attachment(result.fileName);
  }
  if (typeof route.response === 'string') {
    ctx.type = result.type ?? route.response;
  }
  ctx.body = result.content;
  if (result.bytes !== null) {
    ctx.length = result.bytes;
  }
  if (result.part !== undefined && result.bytes !== null) {
    const { start, total } = result.part;
    ctx.status = 206;
    ctx.set('Content-Range', `bytes ${start}-${start + result.bytes - 1}/${total}`);
  }
}
