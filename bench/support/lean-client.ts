import { randomUUID } from 'node:crypto';
import type { Static, TObject } from '@sinclair/typebox';
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler';
import { errorOfResponse, unreachable } from '../../src/client/call.js';
import { MasterClient } from '../../src/client/master-client.js';
import { seconds, systemClock } from '../../src/lib/clock.js';
import type { BuildId, SlaveId, SubjobId } from '../../src/protocol/ids.js';
import { isSignedResponse } from '../../src/protocol/signing/signed-responses.js';
import { contentDigestOf, signRequest } from '../../src/protocol/signing/signing.js';
import {
  type Prepared,
  type Register,
  RegisteredSchema,
  type ResultReport,
  type WorkRequest,
  type WorkResponse,
  WorkResponseSchema,
} from '../../src/protocol/slave/slave-messages.js';
import { LeanHttp, type LeanResponse } from './lean-http.js';

/** The signature of one in so many responses is checked; tests show that the master signs all. */
const CHECK_ONE_OF = 16;

const registered = TypeCompiler.Compile(RegisteredSchema);
const workResponse = TypeCompiler.Compile(WorkResponseSchema);

/**
 * A slave's client for the master, at the least cost for a process that simulates a thousand slaves. Requests are signed as
 * the protocol requires. Aborted requests are cut off only by `close`.
 */
export class LeanClient extends MasterClient {
  readonly #url: string;
  readonly #secret: string;
  readonly #http: LeanHttp;
  readonly #instance = randomUUID();
  #requests = 0;

  constructor(url: string, secret: string) {
    super({ url, secret });
    const { hostname, port } = new URL(url);
    this.#url = url;
    this.#secret = secret;
    this.#http = new LeanHttp(hostname, Number(port));
  }

  override registerSlave(body: Register) {
    return this.#ask('/v1/slave', body, registered);
  }

  override askForWork(slave: SlaveId, body: WorkRequest): Promise<WorkResponse> {
    return this.#ask(`/v1/slave/${slave}/work`, body, workResponse);
  }

  override async reportPrepared(slave: SlaveId, build: BuildId, body: Prepared) {
    await this.#send('POST', `/v1/slave/${slave}/build/${build}/prepared`, jsonOf(body));
  }

  /** As deliverResult, with an archive in memory. */
  async deliver(slave: SlaveId, build: BuildId, subjob: SubjobId, report: ResultReport, archive: Buffer) {
    const head = jsonOf(report);
    const path = `/v1/slave/${slave}/build/${build}/subjob/${subjob}/result`;
    await this.#send('PUT', `${path}?report_bytes=${head.length}`, Buffer.concat([head, archive]));
  }

  override async close(): Promise<void> {
    this.#http.close();
    await super.close();
  }

  async #ask<T extends TObject>(target: string, body: object, check: TypeCheck<T>): Promise<Static<T>> {
    const response = await this.#send('POST', target, jsonOf(body));
    const { STATUS: _, ...said } = JSON.parse(response.body.toString());
    if (!check.Check(said)) {
      throw new Error(`The response to ${target} does not have the expected form.`);
    }
    return said;
  }

  async #send(method: 'POST' | 'PUT', target: string, body: Buffer): Promise<LeanResponse> {
    const digest = contentDigestOf(body);
    this.#requests += 1;
    const nonce = `${this.#instance}-${this.#requests}`;
    const signed = signRequest(this.#secret, { method, target, digest }, seconds(systemClock.now()), nonce);
    const signature = signed.signature ?? '';
    const headers =
      `Content-Type: application/${method === 'PUT' ? 'octet-stream' : 'json'}\r\nContent-Digest: ${digest}\r\n` +
      `Signature-Input: ${signed['signature-input']}\r\nSignature: ${signature}\r\n`;
    const response = await this.#http.request(method, target, headers, body).catch((error: unknown) => {
      throw unreachable(this.#url, { method, path: target }, error, undefined);
    });
    if (response.status >= 300) {
      const text = response.body.toString();
      throw errorOfResponse(response.status, response.headers, JSON.parse(text), text, `${method} ${target}`);
    }
    if (this.#requests % CHECK_ONE_OF === 0) {
      requireSigned(this.#secret, response, signature);
    }
    return response;
  }
}

function jsonOf(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function requireSigned(
  secret: string,
  { status, headers, body }: LeanResponse,
  requestSignature: string,
): void {
  const { 'signature-input': signatureInput = '', signature = '' } = headers;
  const response = { status, digest: contentDigestOf(body), requestSignature };
  if (!isSignedResponse(secret, response, { signatureInput, signature })) {
    throw new Error('An response of the master is not signed.');
  }
}
