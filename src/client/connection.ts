import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Value } from '@sinclair/typebox/value';
import { Agent, type Dispatcher } from 'undici';
import { type Clock, seconds, systemClock } from '../lib/clock.js';
import { ClusterRunnerError, messageOf } from '../protocol/errors.js';
import type { BodyOf, ParamsOf, QueryOf, ResponseOf, RouteDeclaration } from '../protocol/route.js';
import { fixedSecrets, type Secrets } from '../protocol/signing/secrets.js';
import { isSignedResponse } from '../protocol/signing/signed-responses.js';
import { contentDigest, contentDigestOf, signRequest } from '../protocol/signing/signing.js';
import { wireLogOf } from '../protocol/wire-log.js';
import { type CallOptions, errorOfResponse, type RawRequest, send, unreachable } from './call.js';
import { clockHint } from './clock-hint.js';
import { parseMasterUrl } from './master-url.js';
import { firstProblem, pickKnownFields } from './read-response.js';

export interface ConnectionOptions {
  /** For example `http://master.example.com:43000`; a path (the prefix of a reverse proxy) is kept. */
  readonly url: string;
  /** The shared secret, or one that may change while the client is in use. */
  readonly secret: string | Secrets;
  readonly clock?: Clock;
  /** Certificates (PEM) that the master's certificate is checked with. Default: those of the system. */
  readonly ca?: string;
  /** Seconds until the head of a response must have arrived, unless a call has its own limit. Default: 30. */
  readonly timeoutSeconds?: number;
}

export interface CallInput<R extends RouteDeclaration> {
  readonly params: ParamsOf<R>;
  readonly query?: QueryOf<R>;
  readonly body: BodyOf<R>;
}

/** A response of bytes; the caller must read it to its end or destroy it. */
export interface OpenedStream {
  readonly stream: Readable;
  /** null when the master does not know it in advance. */
  readonly bytes: number | null;
  readonly etag: string | null;
  /** Whether it is the part that a Range header requested, and not the whole. */
  readonly isPart: boolean;
}

/** A request whose response has begun. `log` is to be called once, with the text of the response or null for a stream. */
interface Sent {
  readonly request: RawRequest;
  readonly response: Dispatcher.ResponseData;
  readonly log: (text: string | null) => void;
}

const wireLog = wireLogOf(process.env);

/** The message with which masters of all versions refuse an unknown path. */
const UNKNOWN_PATH = /^There is no \S+ here; GET \/v1 begins the API/;
/** The message with which masters of all versions refuse an unknown field. */
const UNKNOWN_FIELD = /^Unknown field "/;

/** Calls the declared routes of one master: signs, sends, checks the response against the declaration. */
export class Connection {
  readonly #origin: string;
  readonly #prefix: string;
  readonly #secrets: Secrets;
  readonly #clock: Clock;
  readonly #timeoutSeconds: number;
  readonly #agent: Agent;

  /** @throws ClusterRunnerError USAGE when `url` is not an absolute http(s) URL. */
  constructor(options: ConnectionOptions) {
    const url = parseMasterUrl(options.url);
    this.#origin = url.origin;
    this.#prefix = url.pathname.replace(/\/+$/, '');
    this.#secrets = typeof options.secret === 'string' ? fixedSecrets(options.secret) : options.secret;
    this.#clock = options.clock ?? systemClock;
    this.#timeoutSeconds = options.timeoutSeconds ?? 30;
    const ca = options.ca === undefined ? {} : { ca: options.ca };
    this.#agent = new Agent({
      connect: { timeout: 5_000, minVersion: 'TLSv1.2', ...ca },
      keepAliveTimeout: 30_000,
    });
  }

  /** The timeout is added to `waitSeconds`, for which the request lets the master wait. */
  async call<R extends RouteDeclaration>(
    route: R,
    input: CallInput<R>,
    options?: CallOptions,
    waitSeconds = 0,
  ): Promise<ResponseOf<R>> {
    const make = () => this.#request(route, input);
    return this.#read(route, await this.#send(make, options, waitSeconds), options);
  }

  /** Conditional on the ETag of an earlier response; `response` is null when that is still valid. */
  async callIfChanged<R extends RouteDeclaration>(
    route: R,
    input: CallInput<R>,
    etag: string | null,
    options?: CallOptions,
    waitSeconds = 0,
  ): Promise<{ response: ResponseOf<R> | null; etag: string | null }> {
    const make = () => this.#request(route, input, etag === null ? {} : { 'if-none-match': etag });
    const sent = await this.#send(make, options, waitSeconds);
    const { response } = sent;
    if (response.statusCode === 304) {
      sent.log(null);
      await response.body.dump();
      return { response: null, etag };
    }
    const tag = response.headers.etag;
    return {
      response: await this.#read(route, sent, options),
      etag: typeof tag === 'string' ? tag : null,
    };
  }

  /** For routes with a response of bytes. */
  async open<R extends RouteDeclaration>(
    route: R,
    input: CallInput<R>,
    options?: CallOptions,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<OpenedStream> {
    const make = () => this.#request(route, input, headers);
    const { request, response, log } = await this.#send(make, options, 0);
    const isPart = response.statusCode === 206;
    if (response.statusCode !== route.status && !isPart) {
      const text = await response.body.text();
      log(text);
      throw this.#errorOf(request, response, text);
    }
    log(null);
    const length = Number(response.headers['content-length']);
    const { etag } = response.headers;
    return {
      stream: response.body,
      bytes: Number.isSafeInteger(length) ? length : null,
      etag: typeof etag === 'string' ? etag : null,
      isPart,
    };
  }

  /** Sends `head` and then the file as one body. The file is read twice: the signature needs its digest first. */
  async upload<R extends RouteDeclaration>(
    route: R,
    input: CallInput<R>,
    head: Buffer,
    file: string,
    options?: CallOptions,
  ): Promise<ResponseOf<R>> {
    const hash = createHash('sha256').update(head);
    let bytes = head.length;
    await pipeline(createReadStream(file), async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        hash.update(chunk);
        bytes += chunk.length;
      }
    });
    const path = this.#pathOf(route, input);
    const digest = contentDigest(hash.digest());
    const more = { 'content-type': 'application/octet-stream', 'content-length': String(bytes) };
    const make = (): RawRequest => ({
      method: route.method,
      path,
      ...this.#signed(route.method, path, digest, more),
      body: Readable.from(headThenFile(head, file), { objectMode: false }),
    });
    return this.#read(route, await this.#send(make, options, 0), options);
  }

  /** Open calls are aborted. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #request<R extends RouteDeclaration>(
    route: R,
    input: CallInput<R>,
    headers: Readonly<Record<string, string>> = {},
  ): RawRequest {
    const path = this.#pathOf(route, input);
    const body = input.body === undefined ? null : Buffer.from(JSON.stringify(input.body));
    const digest = contentDigestOf(body ?? Buffer.alloc(0));
    const more = { ...(body === null ? {} : { 'content-type': 'application/json' }), ...headers };
    return { method: route.method, path, ...this.#signed(route.method, path, digest, more), body };
  }

  /** A request that is refused when the secret has just changed here is signed and sent once more. */
  async #send(make: () => RawRequest, options: CallOptions | undefined, waitSeconds: number): Promise<Sent> {
    const timeout = waitSeconds + (options?.timeoutSeconds ?? this.#timeoutSeconds);
    const once = async () => {
      const request = make();
      const began = this.#clock.monotonic();
      try {
        const response = await send(this.#agent, this.#origin, request, timeout, options?.signal);
        return {
          request,
          response,
          log: (text: string | null) => this.#logExchange(request, began, response.statusCode, text),
        };
      } catch (error) {
        this.#logExchange(request, began, messageOf(error), null);
        throw error;
      }
    };
    const sent = await once();
    if (sent.response.statusCode !== 401 || !this.#secrets.refresh()) {
      return sent;
    }
    sent.log(null);
    await sent.response.body.dump();
    return once();
  }

  #logExchange(
    { method, path, body }: RawRequest,
    began: number,
    outcome: number | string,
    response: string | null,
  ): void {
    wireLog?.({
      direction: '->',
      peer: this.#origin,
      method,
      target: path,
      request: Buffer.isBuffer(body) ? body.toString() : null,
      outcome,
      response,
      milliseconds: this.#clock.monotonic() - began,
    });
  }

  #errorOf(request: RawRequest, response: Dispatcher.ResponseData, text: string): ClusterRunnerError {
    const what = `${request.method} ${request.path}`;
    const error = errorOfResponse(response.statusCode, response.headers, parseJson(text), text, what);
    // This client requests only declared paths and sends only declared fields, so one is new in its version.
    if (
      (error.code === 'INVALID_REQUEST' && UNKNOWN_FIELD.test(error.message)) ||
      (error.code === 'NOT_FOUND' && UNKNOWN_PATH.test(error.message))
    ) {
      const hint =
        'The master is of an older version than this program; use the same version of ClusterRunner on both sides.';
      return new ClusterRunnerError(error.code, `${error.message} ${hint}`, { status: error.status });
    }
    const hint = clockHint(response.headers.date, this.#clock.now());
    if (response.statusCode !== 401 || hint === null) {
      return error;
    }
    return new ClusterRunnerError(error.code, `${error.message} ${hint}`, { status: error.status });
  }

  async #read<R extends RouteDeclaration>(
    route: R,
    { request, response, log }: Sent,
    options: CallOptions | undefined,
  ): Promise<ResponseOf<R>> {
    let text: string;
    try {
      text = await response.body.text();
    } catch (error) {
      throw unreachable(this.#origin, request, error, options?.signal);
    }
    log(text);
    const body = parseJson(text);
    if (response.statusCode !== route.status) {
      throw this.#errorOf(request, response, text);
    }
    if (route.signing === 'http-signature') {
      requireSigned(request, response, text);
    }
    return responseOf(route, body, `${request.method} ${request.path}`);
  }

  #pathOf<R extends RouteDeclaration>(route: R, input: CallInput<R>): string {
    const params: Record<string, unknown> = input.params;
    const path = route.path.replace(/([:*])(\w+)/g, (_, kind: string, name: string) => {
      const encoded = encodeURIComponent(String(params[name]));
      return kind === '*' ? encoded.replaceAll('%2F', '/') : encoded;
    });
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(input.query ?? {})) {
      if (value !== undefined) {
        query.set(key, String(value));
      }
    }
    return this.#prefix + path + (query.size === 0 ? '' : `?${query}`);
  }

  /** Signs the path that the master sees: without the prefix of a reverse proxy. */
  #signed(
    method: string,
    path: string,
    digest: string,
    more: Readonly<Record<string, string>>,
  ): Pick<RawRequest, 'headers' | 'secret'> {
    const target = path.slice(this.#prefix.length);
    const [secret] = this.#secrets.current();
    const signed = signRequest(secret, { method, target, digest }, seconds(this.#clock.now()), randomUUID());
    return { secret, headers: { ...signed, ...more } };
  }
}

/** A slave runs what responses contain, so they must be signed with the secret. @throws MASTER_UNREACHABLE */
function requireSigned(request: RawRequest, response: Dispatcher.ResponseData, text: string): void {
  const { 'signature-input': signatureInput, signature } = response.headers;
  const signed = {
    status: response.statusCode,
    digest: contentDigestOf(Buffer.from(text)),
    requestSignature: request.headers.signature ?? '',
  };
  const isSigned =
    typeof signatureInput === 'string' &&
    typeof signature === 'string' &&
    isSignedResponse(request.secret, signed, { signatureInput, signature });
  if (!isSigned) {
    throw new ClusterRunnerError(
      'MASTER_UNREACHABLE',
      `The response to ${request.method} ${request.path} is not signed with the secret, so it is ignored: something between here and the master has changed it, or the master is older; update the master first.`,
    );
  }
}

/** @throws ClusterRunnerError PROTOCOL_MISMATCH when the body does not have the declared form */
function responseOf<R extends RouteDeclaration>(route: R, body: unknown, what: string): ResponseOf<R> {
  const response = typeof route.response === 'string' ? body : pickKnownFields(route.response, body);
  if (isResponseOf(route, response)) {
    return response;
  }
  const problem = typeof route.response === 'string' ? 'it is bytes' : firstProblem(route.response, response);
  throw new ClusterRunnerError(
    'PROTOCOL_MISMATCH',
    `The master's response to ${what} does not have the expected form (${problem}), so it is of another version; use the same version of ClusterRunner on both sides.`,
  );
}

function isResponseOf<R extends RouteDeclaration>(route: R, response: unknown): response is ResponseOf<R> {
  return typeof route.response !== 'string' && Value.Check(route.response, response);
}

async function* headThenFile(head: Buffer, file: string): AsyncGenerator<Buffer> {
  yield head;
  yield* createReadStream(file, { highWaterMark: 256 * 1024 });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
}
