import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { Context } from 'koa';
import { Counter } from '../../../lib/counter.js';
import type { Logger } from '../../../lib/logger.js';
import { ipPrefix } from '../../../lib/net/ip-prefix.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';

/** Of a response that is sent in pieces, so that it can be seen whether its reader takes it. */
export const PIECE_BYTES = 64 * 1024;
/** As many addresses as may each hold all that one may. */
const ADDRESSES = 4;

/**
 * Counts the bytes of large JSON responses that strangers have asked for and not read yet, so that readers who do not read
 * cannot fill the memory.
 */
export class UnreadBytes {
  readonly #limitOfAddress: number;
  readonly #limit: number;
  readonly #held = new Counter<string>();
  #all = 0;

  /** `ofAddress`: bytes that may be unread of one address; a single response may be larger. */
  constructor(ofAddress: number) {
    this.#limitOfAddress = ofAddress;
    this.#limit = ADDRESSES * ofAddress;
  }

  /** Counts them until `content` is closed. @throws ClusterRunnerError TOO_MANY_REQUESTS, UNAVAILABLE */
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

/** Sends JSON or a text that is large piece by piece, as its reader takes it. @throws what `UnreadBytes.hold` throws */
export function sendInPieces(ctx: Context, address: string, unread: UnreadBytes): void {
  const body: unknown = ctx.body;
  const isJson = typeof body === 'object' && body !== null && !('pipe' in body) && !Buffer.isBuffer(body);
  const text = isJson ? JSON.stringify(body) : body;
  if (typeof text !== 'string') {
    return;
  }
  const bytes = Buffer.from(text);
  if (bytes.length > PIECE_BYTES) {
    const content = Readable.from(piecesOf(bytes), { objectMode: false });
    unread.hold(address, bytes.length, content);
    // Koa closes it when the response is over, however it came to that.
    ctx.body = content;
    ctx.length = bytes.length;
  } else if (isJson) {
    // Not turned into a text twice.
    ctx.body = text;
  }
  if (isJson) {
    ctx.type = 'application/json';
  }
}

/**
 * Closes the connection of a response when its reader takes none of `content` for so long, although there is something to
 * take.
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
