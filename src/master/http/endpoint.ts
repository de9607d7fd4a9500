import { Readable } from 'node:stream';
import type { TObject } from '@sinclair/typebox';
import type { Context } from 'koa';
import type { MasterSettings } from '../../config/schema.js';
import { type Clock, seconds } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import type { Networks } from '../../lib/net/networks.js';
import type { SafeRegex } from '../../lib/text/safe-regex.js';
import { ClusterRunnerError, messageOf } from '../../protocol/errors.js';
import type { ParamsOf, QueryOf, RouteDeclaration } from '../../protocol/route.js';
import { BODY_HMAC_HEADER } from '../../protocol/signing/signing.js';
import { wireLogOf } from '../../protocol/wire-log.js';
import {
  authenticateBody,
  authenticateHead,
  isSigned,
  type Keys,
  type Proof,
  type RequestHead,
} from './auth/authenticate.js';
import { clientAddress, shownAddress } from './auth/client-address.js';
import { authenticateControl } from './auth/control-auth.js';
import { authenticateReader } from './auth/read-auth.js';
import { SessionAccess } from './auth/session-access.js';
import { signResponse } from './auth/sign-response.js';
import { type ParseJson, requireUncompressed } from './body/json-body.js';
import { lenient, lenientQuery } from './body/lenient.js';
import { chunksOf, discardRest, inTime, readBytes } from './body/raw-body.js';
import type { UnauthenticatedBodyBudget } from './body/unauthenticated-body-budget.js';
import { type Call, type Handler, type HandlerBody, IncomingBody } from './handler.js';
import type { ConcurrentReadLimit } from './limits/concurrent-read-limit.js';
import type { Connections } from './limits/connections.js';
import type { InflightCalls } from './limits/inflight-calls.js';
import type { PerSlaveLimit } from './limits/per-slave-limit.js';
import { closeUnread, sendInPieces, type UnreadBytes } from './limits/unread-bytes.js';
import { compressJson } from './response/compress.js';
import { requireAcceptable } from './response/content-negotiation.js';
import { PreparedJson } from './response/prepared-json.js';
import { sendResponse } from './response/send-response.js';
import { type Check, coerceTexts, compileCheck } from './validate.js';

export interface EndpointContext {
  readonly keys: Keys;
  readonly connections: Connections;
  readonly parseJson: ParseJson;
  readonly settings: MasterSettings;
  readonly log: Logger;
  readonly perSlave: PerSlaveLimit;
  readonly reads: ConcurrentReadLimit;
  readonly bodyBudget: UnauthenticatedBodyBudget;
  readonly unread: UnreadBytes;
  readonly inflightCalls: InflightCalls;
  readonly trustedProxies: Networks;
  /** Beside the master's own; null: no other. */
  readonly allowedOrigins: SafeRegex | null;
  /** Label to path template. */
  readonly childRoutes: Readonly<Record<string, string>>;
}

export type Endpoint = (ctx: Context, params: Readonly<Record<string, string>>) => Promise<void>;

/** Everything between the router and a handler: authentication, validation, the call, the response. */
export function createEndpoint<R extends RouteDeclaration>(
  route: R,
  handler: Handler<R>,
  shared: EndpointContext,
): Endpoint {
  const checkParams: Check<ParamsOf<R>> = compileCheck(route.params, 'path');
  const checkQuery: Check<QueryOf<R>> = compileCheck(route.query, 'query');
  const checkBody: Check<HandlerBody<R>> = bodyCheck(route);
  const textsOf = (schema: TObject, texts: Readonly<Record<string, unknown>>): unknown =>
    coerceTexts(schema, texts);

  return async (ctx, texts) => {
    const seen: { body: unknown } = { body: undefined };
    const exchange = wireLog === null ? null : startExchange(ctx, shared.keys.clock, seen);
    try {
      await respond(ctx, texts, seen);
      exchange?.(ctx.status, ctx.body);
    } catch (error) {
      exchange?.(messageOf(error), null);
      throw error;
    }
  };

  async function respond(
    ctx: Context,
    texts: Readonly<Record<string, string>>,
    seen: { body: unknown },
  ): Promise<void> {
    requireAcceptable(route, ctx);
    const head = {
      method: ctx.method,
      target: ctx.url,
      headers: ctx.headers,
      address: addressOf(ctx, shared.trustedProxies),
    };
    const isUnsigned =
      route.signing === 'none' && (await admitReader(route, ctx, head, shared)) === 'unsigned';
    const proof = await authenticateSender(route, ctx, head, shared);
    if (proof.form === 'http-signature') {
      shared.connections.authenticated(ctx.req.socket);
    }
    const params = textsOf(route.params, texts);
    const query =
      route.method === 'GET' ? lenientQuery(route.query, ctx.query) : textsOf(route.query, ctx.query);
    const work = async () => {
      const body = await readBody(route, ctx, head, proof, shared);
      seen.body = body;
      checkParams(params);
      checkQuery(query);
      checkBody(body);
      return await shared.inflightCalls.run(ctx.res, async (open) => {
        const call: Call<R> = {
          params,
          query,
          body,
          headers: ctx.headers,
          session: new SessionAccess(ctx, head, shared.keys, shared.settings.readAccess === 'public'),
          get gone() {
            return open.gone;
          },
          stopping: shared.inflightCalls.stopping,
          setHeader: (name, value) => ctx.set(name, value),
        };
        return await handler(call);
      });
    };
    const slave = slaveOf(params);
    const isOfSlave = proof.form === 'http-signature' && slave !== null;
    const result: unknown = await (isOfSlave ? shared.perSlave.run(slave, work) : work());
    logChange(route, ctx, head, proof, result, shared.log);
    sendResponse(ctx, route, result, route.method === 'GET' ? { child_routes: shared.childRoutes } : {});
    signResponse(ctx, proof, seconds(shared.keys.clock.now()));
    if (proof.form === 'none') {
      await compressJson(ctx);
    }
    if (isUnsigned) {
      sendInPieces(ctx, head.address, shared.unread);
    }
    const content: unknown = ctx.body;
    if (isUnsigned && result instanceof PreparedJson && content instanceof Readable) {
      shared.unread.hold(head.address, result.bytes, content);
    }
    if (content instanceof Readable && !isFile(result)) {
      closeUnread(content, ctx.res, shared.settings.unreadTimeout, shared.log);
    }
  }
}

const wireLog = wireLogOf(process.env);

/** Returns what logs the exchange at its end. */
function startExchange(
  ctx: Context,
  clock: Clock,
  seen: { readonly body: unknown },
): (outcome: number | string, response: unknown) => void {
  const began = clock.monotonic();
  return (outcome, response) =>
    wireLog?.({
      direction: '<-',
      peer: shownAddress(ctx.req.socket.remoteAddress ?? ''),
      method: ctx.method,
      target: ctx.url,
      request: jsonOf(seen.body),
      outcome,
      response: jsonOf(response),
      milliseconds: clock.monotonic() - began,
    });
}

/** null for what is no JSON object. */
function jsonOf(value: unknown): string | null {
  if (Buffer.isBuffer(value) || typeof value === 'string') {
    const text = value.toString();
    return text.startsWith('{') ? text : null;
  }
  const isJson = typeof value === 'object' && !(value instanceof Readable || value instanceof IncomingBody);
  return isJson && value !== null ? JSON.stringify(value) : null;
}

/** Logs who made a change. The path has no secrets: tokens are in the query. */
function logChange(
  { isLogged }: RouteDeclaration,
  { method, path }: Context,
  { address }: RequestHead,
  { form }: Proof,
  result: unknown,
  log: Logger,
): void {
  if (isLogged) {
    const isNewBuild = typeof result === 'object' && result !== null && 'build_id' in result;
    const build = isNewBuild ? { build: result.build_id } : {};
    const shown = shownAddress(address);
    log.info({ address: shown, signed: form, ...build }, `Taken from ${shown}: ${method} ${path}.`);
  }
}

/** Downloads of files may be slow: Node's own limit closes connections without progress. */
function isFile(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'fileName' in result && result.fileName !== null;
}

/** Counts unsigned reads. @throws ClusterRunnerError UNAUTHENTICATED, TOO_MANY_REQUESTS */
async function admitReader(
  route: RouteDeclaration,
  ctx: Context,
  head: RequestHead,
  shared: EndpointContext,
): Promise<'unsigned' | 'authenticated'> {
  const hasSecret =
    shared.settings.readAccess === 'signed' && route.isOpen !== true
      ? (await authenticateReader(ctx, head, shared.keys)) === 'signature'
      : isSigned(head, shared.keys);
  if (!hasSecret) {
    shared.reads.enter(head.address, ctx.res);
  }
  return hasSecret ? 'authenticated' : 'unsigned';
}

/** By a signature, or by a control token where the route permits it. */
async function authenticateSender(
  route: RouteDeclaration,
  ctx: Context,
  head: RequestHead,
  shared: EndpointContext,
): Promise<Proof> {
  const hasSignature =
    head.headers['signature-input'] !== undefined || head.headers[BODY_HMAC_HEADER] !== undefined;
  const byToken =
    route.byControlToken === true && !hasSignature
      ? authenticateControl(ctx, head, shared.keys, shared.allowedOrigins)
      : null;
  return byToken ?? (await authenticateHead(route.signing, head, shared.keys));
}

function addressOf(ctx: Context, trustedProxies: Networks): string {
  return clientAddress(ctx.req.socket.remoteAddress ?? '', ctx.get('X-Forwarded-For'), trustedProxies);
}

/** The slave that a path names; null for none. */
function slaveOf(params: unknown): number | null {
  const isNamed = typeof params === 'object' && params !== null && 'slaveId' in params;
  return isNamed && typeof params.slaveId === 'number' ? params.slaveId : null;
}

function bodyCheck<R extends RouteDeclaration>(route: R): Check<HandlerBody<R>> {
  const { body } = route;
  if (body !== null && body !== 'stream') {
    return compileCheck(body, 'body');
  }
  return (value: unknown): asserts value is HandlerBody<R> => {
    if (body === 'stream' ? !(value instanceof IncomingBody) : value !== undefined) {
      throw new ClusterRunnerError('INVALID_REQUEST', 'This request takes no body; send it without one.');
    }
  };
}

/** By the route's declaration: undefined or parsed JSON, both verified, or an IncomingBody. */
async function readBody(
  route: RouteDeclaration,
  ctx: Context,
  head: RequestHead,
  proof: Proof,
  shared: EndpointContext,
): Promise<unknown> {
  if (route.body === 'stream') {
    return new IncomingBody(
      chunksOf(ctx.req),
      proof.form === 'http-signature' ? proof.verify : refuseUnsigned,
    );
  }
  if (route.body === null && route.signing === 'none') {
    // Otherwise a body would pile up in memory while the response is sent, which may take hours.
    discardRest(ctx.req);
    return undefined;
  }
  const { maxBodyBytes, maxUnprovedBodyBytes, bodyTimeout } = shared.settings;
  const bytes =
    proof.form === 'http-signature'
      ? await readBytes(ctx.req, maxBodyBytes)
      : await shared.bodyBudget.during(head.address, (hold) =>
          inTime(bodyTimeout, (late) =>
            readBytes(ctx.req, Math.min(maxUnprovedBodyBytes, maxBodyBytes), { late, hold }),
          ),
        );
  authenticateBody(proof, bytes);
  if (route.body === null) {
    return bytes.length === 0 ? undefined : bytes;
  }
  requireUncompressed(ctx.headers);
  const value = await shared.parseJson(ctx, bytes);
  return route.signing === 'body-hmac' ? lenient(route.body, value) : value;
}

function refuseUnsigned(): never {
  throw new ClusterRunnerError(
    'UNAUTHENTICATED',
    'Refused: a streamed body must be signed as RFC 9421 says.',
  );
}
