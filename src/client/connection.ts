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
  /** e.g. `http://master.example.com:43000`; a path behind it (a reverse proxy's prefix) is kept. */
  readonly url: string;
  /** The shared secret, or one that may change while the client is in use. */
  readonly secret: string | Secrets;
  readonly clock?: Clock;
  /** Certificates (PEM) by which the master is known over HTTPS; those of the system unless given. */
  readonly ca?: string;
  /** Seconds until the head of an answer must have come, unless a call says otherwise; 30 unless given. */
  readonly timeoutSeconds?: number;
}

export interface CallInput<R extends RouteDeclaration> {
  readonly params: ParamsOf<R>;
  readonly query?: QueryOf<R>;
  readonly body: BodyOf<R>;
}

/** An answer of bytes; the caller reads it to its end or destroys it. */
export interface OpenedStream {
  readonly stream: Readable;
  /** null when the master does not know it beforehand. */
  readonly bytes: number | null;
  readonly etag: string | null;
  /** The part that was asked for with a Range, and not the whole. */
  readonly isPart: boolean;
}

/** A request whose response has begun. `log` is to be called once, with the text of the response or null for a stream. */
interface Sent {
  readonly request: RawRequest;
  readonly answer: Dispatcher.ResponseData;
  readonly log: (text: string | null) => void;
}

const wireLog = wireLogOf(process.env);

/** How masters of all versions begin the refusal of a field that they do not know. */
const UNKNOWN_FIELD = /^Unknown field "/;

/** Speaks the declared routes to one master: signs, sends, checks the answer against the declaration. */
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

  /** `options.timeoutSeconds` counts on top of `waitSeconds`, which the question itself asks the master to wait. */
  async call<R extends RouteDeclaration>(
    route: R,
    input: CallInput<R>,
    options?: CallOptions,
    waitSeconds = 0,
  ): Promise<ResponseOf<R>> {
    const make = () => this.#request(route, input);
    return this.#read(route, await this.#send(make, options, waitSeconds), options);
  }

  /** With the ETag of an earlier answer; `answer` is null when it still holds. */
  async callIfChanged<R extends RouteDeclaration>(
    route: R,
    input: CallInput<R>,
    etag: string | null,
    options?: CallOptions,
    waitSeconds = 0,
  ): Promise<{ answer: ResponseOf<R> | null; etag: string | null }> {
    const make = () => this.#request(route, input, etag === null ? {} : { 'if-none-match': etag });
    const sent = await this.#send(make, options, waitSeconds);
    const { answer } = sent;
    if (answer.statusCode === 304) {
      sent.log(null);
      await answer.body.dump();
      return { answer: null, etag };
    }
    const tag = answer.headers.etag;
    return {
      answer: await this.#read(route, sent, options),
      etag: typeof tag === 'string' ? tag : null,
    };
  }

  /** For routes that answer with bytes. */
  async open<R extends RouteDeclaration>(
    route: R,
    input: CallInput<R>,
    options?: CallOptions,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<OpenedStream> {
    const make = () => this.#request(route, input, headers);
    const { request, answer, log } = await this.#send(make, options, 0);
    const isPart = answer.statusCode === 206;
    if (answer.statusCode !== route.status && !isPart) {
      const text = await answer.body.text();
      log(text);
      throw this.#errorOf(request, answer, text);
    }
    log(null);
    const length = Number(answer.headers['content-length']);
    const { etag } = answer.headers;
    return {
      stream: answer.body,
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

  /** Calls that are under way are cut off. */
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

  /** A request that is refused while the secret has just changed here is signed and sent once more. */
  async #send(make: () => RawRequest, options: CallOptions | undefined, waitSeconds: number): Promise<Sent> {
    const timeout = waitSeconds + (options?.timeoutSeconds ?? this.#timeoutSeconds);
    const once = async () => {
      const request = make();
      const began = this.#clock.monotonic();
      try {
        const answer = await send(this.#agent, this.#origin, request, timeout, options?.signal);
        return {
          request,
          answer,
          log: (text: string | null) => this.#logExchange(request, began, answer.statusCode, text),
        };
      } catch (error) {
        this.#logExchange(request, began, messageOf(error), null);
        throw error;
      }
    };
    const sent = await once();
    if (sent.answer.statusCode !== 401 || !this.#secrets.refresh()) {
      return sent;
    }
    sent.log(null);
    await sent.answer.body.dump();
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

  #errorOf(request: RawRequest, answer: Dispatcher.ResponseData, text: string): ClusterRunnerError {
    const what = `${request.method} ${request.path}`;
    const error = errorOfResponse(answer.statusCode, answer.headers, parseJson(text), text, what);
    // This client sends declared fields only, so one that is unknown there is of a newer version.
    if (error.code === 'INVALID_REQUEST' && UNKNOWN_FIELD.test(error.message)) {
      const hint =
        'The master is of an older version than this program; use the same version of ClusterRunner on both sides.';
      return new ClusterRunnerError(error.code, `${error.message} ${hint}`, { status: error.status });
    }
    const hint = clockHint(answer.headers.date, this.#clock.now());
    if (answer.statusCode !== 401 || hint === null) {
      return error;
    }
    return new ClusterRunnerError(error.code, `${error.message} ${hint}`, { status: error.status });
  }

  async #read<R extends RouteDeclaration>(
    route: R,
    { request, answer, log }: Sent,
    options: CallOptions | undefined,
  ): Promise<ResponseOf<R>> {
    let text: string;
    try {
      text = await answer.body.text();
    } catch (error) {
      throw unreachable(this.#origin, request, error, options?.signal);
    }
    log(text);
    const body = parseJson(text);
    if (answer.statusCode !== route.status) {
      throw this.#errorOf(request, answer, text);
    }
    if (route.signing === 'http-signature') {
      requireSigned(request, answer, text);
    }
    return answerOf(route, body, `${request.method} ${request.path}`);
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

  /** Signs what the master sees: the path without a reverse proxy's prefix. */
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

/** What a slave is told it does, so it must come from one who has the secret. @throws MASTER_UNREACHABLE */
function requireSigned(request: RawRequest, answer: Dispatcher.ResponseData, text: string): void {
  const { 'signature-input': signatureInput, signature } = answer.headers;
  const signed = {
    status: answer.statusCode,
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
      `The answer to ${request.method} ${request.path} is not signed with the secret, so it is not believed: something between here and the master has changed it, or the master is older; update that first.`,
    );
  }
}

/** @throws ClusterRunnerError PROTOCOL_MISMATCH when it does not have the declared form */
function answerOf<R extends RouteDeclaration>(route: R, body: unknown, what: string): ResponseOf<R> {
  const answer = typeof route.response === 'string' ? body : pickKnownFields(route.response, body);
  if (isResponseOf(route, answer)) {
    return answer;
  }
  const problem = typeof route.response === 'string' ? 'it is bytes' : firstProblem(route.response, answer);
  throw new ClusterRunnerError(
    'PROTOCOL_MISMATCH',
    `The master's answer to ${what} does not have the expected form (${problem}), so it is of another version; use the same version of ClusterRunner on both sides.`,
  );
}

function isResponseOf<R extends RouteDeclaration>(route: R, answer: unknown): answer is ResponseOf<R> {
  return typeof route.response !== 'string' && Value.Check(route.response, answer);
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
