import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Value } from '@sinclair/typebox/value';
import { Agent } from 'undici';
import { type Clock, seconds, systemClock } from '../lib/clock.js';
import type { Build, BuildRequest } from '../protocol/build.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import type { BuildId, SlaveId, SubjobId } from '../protocol/ids.js';
import type { AnswerOf, BodyOf, ParamsOf, QueryOf, RouteDeclaration } from '../protocol/route.js';
import { routes } from '../protocol/routes.js';
import { contentDigest, contentDigestOf, signParts } from '../protocol/signing.js';
import type {
  Handback,
  LeaseRef,
  Prepared,
  Progress,
  Register,
  ResultReport,
  WorkAnswer,
  WorkRequest,
} from '../protocol/slave.js';
import { type CallOptions, errorOfAnswer, send, unreachable } from './call.js';

export interface MasterClientOptions {
  /** e.g. `http://master.example.com:43000`; a path behind it (a reverse proxy's prefix) is kept. */
  readonly url: string;
  readonly secret: string;
  readonly clock?: Clock;
  /** Seconds until the head of an answer must have come, unless a call says otherwise; 30 unless given. */
  readonly timeoutSeconds?: number;
}

interface CallInput<R extends RouteDeclaration> {
  readonly params: ParamsOf<R>;
  readonly query?: QueryOf<R>;
  readonly body: BodyOf<R>;
}

/**
 * Typed client of the master's API. It signs every request that needs it, in the parts' form.
 *
 * Every method rejects with ClusterRunnerError: the master's own code and sentence when it answered,
 * MASTER_UNREACHABLE when it did not; and with the signal's reason when the call was aborted. It tries once;
 * `retry` is for the caller who knows how long to go on.
 */
export class MasterClient {
  readonly #origin: string;
  readonly #prefix: string;
  readonly #secret: string;
  readonly #clock: Clock;
  readonly #timeoutSeconds: number;
  readonly #agent = new Agent({ connect: { timeout: 5_000 }, keepAliveTimeout: 30_000 });

  /** @throws ClusterRunnerError USAGE when `url` is not an absolute http(s) URL. */
  constructor(options: MasterClientOptions) {
    const url = parseMasterUrl(options.url);
    this.#origin = url.origin;
    this.#prefix = url.pathname.replace(/\/+$/, '');
    this.#secret = options.secret;
    this.#clock = options.clock ?? systemClock;
    this.#timeoutSeconds = options.timeoutSeconds ?? 30;
  }

  createBuild(body: BuildRequest, options?: CallOptions): Promise<{ build_id: BuildId }> {
    return this.#call(routes.createBuild, { params: {}, body }, options);
  }

  async getBuild(buildId: BuildId, options?: CallOptions): Promise<Build> {
    return (await this.#call(routes.getBuild, { params: { buildId }, body: undefined }, options)).build;
  }

  /** Resolves with the build as it is afterwards; one that has ended already stays as it was. */
  async cancelBuild(buildId: BuildId, options?: CallOptions): Promise<Build> {
    const body = { status: 'canceled' } as const;
    return (await this.#call(routes.updateBuild, { params: { buildId }, body }, options)).build;
  }

  /** The build's `tar.gz` as a stream; the caller reads it to its end or destroys it. */
  async openArtifacts(
    buildId: BuildId,
    options?: CallOptions,
  ): Promise<{ stream: Readable; bytes: number | null }> {
    const path = this.#pathOf(routes.getArtifactsTar, { params: { buildId }, body: undefined });
    const request = { method: 'GET', path, headers: {}, body: null } as const;
    const answer = await send(
      this.#agent,
      this.#origin,
      request,
      options?.timeoutSeconds ?? this.#timeoutSeconds,
      options?.signal,
    );
    if (answer.statusCode !== 200) {
      const text = await answer.body.text();
      throw errorOfAnswer(answer.statusCode, parseJson(text), text, `GET ${path}`);
    }
    const length = Number(answer.headers['content-length']);
    return { stream: answer.body, bytes: Number.isSafeInteger(length) ? length : null };
  }

  registerSlave(body: Register, options?: CallOptions): Promise<AnswerOf<typeof routes.registerSlave>> {
    return this.#call(routes.registerSlave, { params: {}, body }, options);
  }

  async goodbyeSlave(slaveId: SlaveId, options?: CallOptions): Promise<void> {
    await this.#call(routes.goodbyeSlave, { params: { slaveId }, body: undefined }, options);
  }

  /** The timeout counts from the end of the wait that the question itself asks for. */
  askForWork(slaveId: SlaveId, body: WorkRequest, options?: CallOptions): Promise<WorkAnswer> {
    const timeoutSeconds = body.wait_seconds + (options?.timeoutSeconds ?? this.#timeoutSeconds);
    return this.#call(routes.askForWork, { params: { slaveId }, body }, { ...options, timeoutSeconds });
  }

  async reportPrepared(slaveId: SlaveId, buildId: BuildId, body: Prepared, options?: CallOptions) {
    await this.#call(routes.reportPrepared, { params: { slaveId, buildId }, body }, options);
  }

  async reportPreparationFailed(
    slaveId: SlaveId,
    buildId: BuildId,
    body: { lease: LeaseRef; error: string },
    options?: CallOptions,
  ) {
    await this.#call(routes.reportPreparationFailed, { params: { slaveId, buildId }, body }, options);
  }

  async handBackPreparation(slaveId: SlaveId, buildId: BuildId, body: Handback, options?: CallOptions) {
    await this.#call(routes.handBackPreparation, { params: { slaveId, buildId }, body }, options);
  }

  async handBack(
    slaveId: SlaveId,
    buildId: BuildId,
    subjobId: SubjobId,
    body: Handback,
    options?: CallOptions,
  ) {
    await this.#call(routes.handBack, { params: { slaveId, buildId, subjobId }, body }, options);
  }

  async reportProgress(
    slaveId: SlaveId,
    buildId: BuildId,
    subjobId: SubjobId,
    body: Progress,
    options?: CallOptions,
  ) {
    await this.#call(routes.reportProgress, { params: { slaveId, buildId, subjobId }, body }, options);
  }

  /** Streams the archive from its file. It reads the file twice: the signature needs its digest first. */
  async deliverResult(
    slaveId: SlaveId,
    buildId: BuildId,
    subjobId: SubjobId,
    report: ResultReport,
    archiveFile: string,
    options?: CallOptions,
  ): Promise<void> {
    const head = Buffer.from(JSON.stringify(report));
    const hash = createHash('sha256').update(head);
    let bytes = head.length;
    await pipeline(createReadStream(archiveFile), async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        hash.update(chunk);
        bytes += chunk.length;
      }
    });
    const path = this.#pathOf(routes.deliverResult, {
      params: { slaveId, buildId, subjobId },
      query: { report_bytes: head.length },
      body: undefined,
    });
    const headers = {
      ...this.#sign('PUT', path, contentDigest(hash.digest())),
      'content-type': 'application/octet-stream',
      'content-length': String(bytes),
    };
    const body = Readable.from(headThenFile(head, archiveFile), { objectMode: false });
    await this.#json(routes.deliverResult, { method: 'PUT', path, headers, body }, options);
  }

  /** Closes its connections; calls that are under way are cut off. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #call<R extends RouteDeclaration>(
    route: R,
    input: CallInput<R>,
    options?: CallOptions,
  ): Promise<AnswerOf<R>> {
    const path = this.#pathOf(route, input);
    const body = input.body === undefined ? null : Buffer.from(JSON.stringify(input.body));
    const headers: Record<string, string> = body === null ? {} : { 'content-type': 'application/json' };
    if (route.signing !== 'none') {
      Object.assign(headers, this.#sign(route.method, path, contentDigestOf(body ?? Buffer.alloc(0))));
    }
    return this.#json(route, { method: route.method, path, headers, body }, options);
  }

  async #json<R extends RouteDeclaration>(
    route: R,
    request: Parameters<typeof send>[2],
    options: CallOptions | undefined,
  ): Promise<AnswerOf<R>> {
    const timeoutSeconds = options?.timeoutSeconds ?? this.#timeoutSeconds;
    const answer = await send(this.#agent, this.#origin, request, timeoutSeconds, options?.signal);
    let text: string;
    try {
      text = await answer.body.text();
    } catch (error) {
      throw unreachable(this.#origin, request, error, options?.signal);
    }
    const body = parseJson(text);
    if (answer.statusCode !== route.status) {
      throw errorOfAnswer(answer.statusCode, body, text, `${request.method} ${request.path}`);
    }
    if (!isAnswerOf(route, body)) {
      throw new ClusterRunnerError(
        'INVALID_REQUEST',
        `The master's answer to ${request.method} ${request.path} does not have the expected form; ` +
          'use the same version of ClusterRunner on both sides.',
      );
    }
    return body;
  }

  #pathOf<R extends RouteDeclaration>(route: R, input: CallInput<R>): string {
    const params: Record<string, unknown> = input.params;
    const path = route.path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(params[name])));
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(input.query ?? {})) {
      query.set(key, String(value));
    }
    return this.#prefix + path + (query.size === 0 ? '' : `?${query}`);
  }

  /** Signs what the master sees: the path without a reverse proxy's prefix. */
  #sign(method: string, path: string, digest: string): Record<string, string> {
    const target = path.slice(this.#prefix.length);
    return signParts(this.#secret, { method, target, digest }, seconds(this.#clock.now()), randomUUID());
  }
}

/** @throws ClusterRunnerError USAGE */
export function parseMasterUrl(text: string): URL {
  const withScheme = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new ClusterRunnerError(
      'USAGE',
      `"${text}" is not the URL of a master; give one like http://master.example.com:43000.`,
    );
  }
  return url;
}

/** Fields that the declaration does not know are dropped first: STATUS, and what a newer master adds. */
function isAnswerOf<R extends RouteDeclaration>(route: R, body: unknown): body is AnswerOf<R> {
  return route.answer !== 'stream' && Value.Check(route.answer, Value.Clean(route.answer, body));
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
