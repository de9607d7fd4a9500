import type { Context } from 'koa';
import type { RouteDeclaration } from '../../../protocol/route.js';
import { type Content, type NotYet, type Redirect, UNCHANGED } from '../handler.js';
import { ListResponse } from './list-response.js';

/** Sends what a handler gave in the form that the route declares; `more` is added to what is JSON. */
export function sendResponse(
  ctx: Context,
  route: RouteDeclaration,
  answer: unknown,
  more: Readonly<Record<string, unknown>>,
): void {
  if (answer === UNCHANGED) {
    ctx.status = 304;
  } else if (answer instanceof ListResponse) {
    ctx.status = route.status;
    ctx.body = answer.content({ STATUS: 'SUCCESS' }, more);
    ctx.type = 'application/json';
  } else if (!isOfBytes(route, answer)) {
    ctx.status = route.status;
    ctx.body = { STATUS: 'SUCCESS', ...(typeof answer === 'object' ? answer : {}), ...more };
  } else if (!answer.ready) {
    ctx.status = 202;
    ctx.body = { STATUS: 'SUCCESS', error: answer.error, ...more };
  } else if ('location' in answer) {
    ctx.redirect(answer.location);
    ctx.status = route.status;
    ctx.body = { STATUS: 'SUCCESS', location: answer.location, ...more };
  } else {
    sendContent(ctx, route, answer);
  }
}

/** The handlers' types tie the answer to the declaration. */
function isOfBytes(route: RouteDeclaration, answer: unknown): answer is Content | Redirect | NotYet {
  return typeof route.answer === 'string' && answer !== undefined;
}

function sendContent(ctx: Context, route: RouteDeclaration, answer: Content): void {
  ctx.status = route.status;
  if (answer.fileName !== null) {
    ctx.attachment(answer.fileName);
  }
  if (typeof route.answer === 'string') {
    ctx.type = route.answer;
  }
  ctx.body = answer.content;
  if (answer.bytes !== null) {
    ctx.length = answer.bytes;
  }
  if (answer.part !== undefined && answer.bytes !== null) {
    const { start, total } = answer.part;
    ctx.status = 206;
    ctx.set('Content-Range', `bytes ${start}-${start + answer.bytes - 1}/${total}`);
  }
}
