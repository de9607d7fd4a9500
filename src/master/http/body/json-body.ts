import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { Context } from 'koa';
import bodyParser from 'koa-bodyparser';
import { ClusterRunnerError, messageOf } from '../../../protocol/errors.js';
import { isDeeperThan } from './json-depth.js';

/**
 * Refuses a compressed body before it is parsed. Content-Type does not count: programs in the field send none, or that of
 * a form (`curl -d`), and the signature has shown that the body is what its sender meant.
 */
export function requireUncompressed(headers: IncomingHttpHeaders): void {
  if ((headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity') {
    throw new ClusterRunnerError(
      'UNSUPPORTED_MEDIA_TYPE',
      'The body must not be compressed; send it without Content-Encoding.',
    );
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

export type ParseJson = (ctx: Context, bytes: Buffer) => Promise<unknown>;

/**
 * Parses bytes that were read already. koa-bodyparser shows the body as decoded text only, and the signature
 * is over the bytes: so those are read and checked first, and it is given them to read a second time. That costs more
 * than the rest of a small request, so what slaves say is parsed without.
 */
export function createJsonParser(maxBytes: number, maxDepth: number): ParseJson {
  const parse = bodyParser({ enableTypes: ['json'], detectJSON: () => true, jsonLimit: `${maxBytes}b` });
  return async (ctx, bytes) => {
    const text = requireUtf8(bytes);
    if (isDeeperThan(maxDepth, bytes)) {
      throw new ClusterRunnerError(
        'INVALID_REQUEST',
        `The body has objects and lists in one another deeper than the ${maxDepth} that are taken.`,
      );
    }
    if (isPlain(text)) {
      return parsed(text);
    }
    const again = Readable.from([bytes], { objectMode: false });
    const request = Object.assign(again, { headers: { 'content-length': String(bytes.length) } });
    const replay: Context = Object.create(ctx, { req: { value: request } });
    try {
      await parse(replay, async () => undefined);
    } catch (error) {
      throw notJson(error);
    }
    return ctx.request.body;
  };
}

/** An object in which no name can be `__proto__`, however it is written: of that koa-bodyparser says the same. */
function isPlain(text: string): boolean {
  return text.startsWith('{') && !text.includes('__proto__') && !text.includes('\\u');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw notJson(error);
  }
}

function notJson(error: unknown): ClusterRunnerError {
  return new ClusterRunnerError('INVALID_REQUEST', `The body is not valid JSON: ${messageOf(error)}`, {
    cause: error,
  });
}

/** Without this a byte that is no UTF-8 would become U+FFFD, silently. */
export function requireUtf8(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) {
    throw new ClusterRunnerError('INVALID_REQUEST', 'The body is not valid UTF-8.');
  }
  return utf8.decode(bytes);
}
