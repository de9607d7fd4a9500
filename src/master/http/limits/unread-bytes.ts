import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { Context } from 'koa';
import { Counter } from '../../../lib/counter.js';
import type { Logger } from '../../../lib/logger.js';
import { ipPrefix } from '../../../lib/net/ip-prefix.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';

/** Size of the pieces in which a response is sent, so that the reader's progress can be observed. */
export const PIECE_BYTES = 64 * 1024;
/** How many times the limit of one address all may hold together. */
const ADDRESSES = 4;

/**
 * Limits the memory of large JSON responses that unsigned readers have requested and not read.
 */
export class UnreadBytes {
  readonly #limitOfAddress: number;
  readonly #limit: number;
  readonly #held = new Counter<string>();
  #all = 0;

  /** `ofAddress`: unread bytes that one address may have; a single response may be larger. */
  constructor(ofAddress: number) {
    this.#limitOfAddress = ofAddress;
    this.#limit = ADDRESSES * ofAddress;
  }

  /** Counts the bytes until `content` is closed. @throws ClusterRunnerError TOO_MANY_REQUESTS, UNAVAILABLE */
  hold(address: string, bytes: number, content: Readable): void {
    const network = ipPrefix(address);
    const held = this.#held.of(network);
    if (held > 0 && held + bytes > this.#limitOfAddress) {
      throw new ClusterRunnerError(
        'TOO_MANY_REQUESTS',
        `Your address has not read ${held} bytes of other responses yet; read them, then try again.`,
        { retryAfterSeconds: 1 },
      );
    }
    if (this.#all > 0 && this.#all + bytes > this.#limit) {
      throw new ClusterRunnerError(
        'UNAVAILABLE',
        'The master holds as many unread responses as it can; try again later.',
        { retryAfterSeconds: 5 },
      );
    }
    this.#count(network, bytes);
    content.once('close', () => this.#count(network, -bytes));
  }

  #count(network: string, bytes: number): void {
    this.#all += bytes;
    this.#held.add(network, bytes);
  }
}

/** Sends a large JSON or text response in pieces, as its reader takes it. @throws what `UnreadBytes.hold` throws */
export function sendInPieces(ctx: Context, address: string, unread: UnreadBytes): void {
  const body: unknown = ctx.body;
  const isJson = typeof body === 'object' && body !== null && !('pipe' in body) && !Buffer.isBuffer(body);
  const text = isJson ? JSON.stringify(body) : body;
  if (typeof text !== 'string' && !Buffer.isBuffer(text)) {
    return;
  }
  const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text);
  if (bytes.length > PIECE_BYTES) {
    const content = Readable.from(piecesOf(bytes), { objectMode: false });
    unread.hold(address, bytes.length, content);
    // Koa closes it when the response ends, however that happens.
    ctx.body = content;
    ctx.length = bytes.length;
  } else if (isJson) {
    // So that it is not stringified twice.
    ctx.body = text;
  }
  if (isJson) {
    ctx.type = 'application/json';
  }
}

/**
 * Closes the connection of a response whose reader takes nothing for `seconds` although there is something to take.
 */
export function closeUnread(content: Readable, response: ServerResponse, seconds: number, log: Logger): void {
  if (content.destroyed) {
    return;
  }
  let before = -1;
  const look = () => {
    const { socket } = response;
    if (socket === null) {
      return;
    }
    const taken = socket.bytesWritten - socket.writableLength;
    if (socket.writableLength > 0 && taken === before) {
      log.debug(`A reader took nothing for ${seconds} s; its connection is closed.`);
      socket.destroy();
    }
    before = taken;
  };
  const timer = setInterval(look, seconds * 1000);
  content.once('close', () => clearInterval(timer));
}

export function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    yield bytes.subarray(at, at + PIECE_BYTES);
  }
}
