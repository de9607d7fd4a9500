import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { Context } from 'koa';
import bodyParser from 'koa-bodyparser';
import { ClusterRunnerError, messageOf } from '../../../protocol/errors.js';
import { isDeeperThan } from './json-depth.js';

/**
 * Refuses a compressed body before it is parsed. Content-Type is ignored: existing clients send none, or that of a form
 * (`curl -d`), and the signature covers the body anyway.
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
 * Parses bytes that were read already. The package koa-bodyparser gives the body as decoded text only, while the signature
 * is over the bytes. So they are read and verified first, and then replayed to it. Replaying costs more than the rest of a
 * small request, so plain objects, such as those of slaves, are parsed without it.
 */
export function createJsonParser(maxBytes: number, maxDepth: number): ParseJson {
  const parse = bodyParser({ enableTypes: ['json'], detectJSON: () => true, jsonLimit: `${maxBytes}b` });
  return async (ctx, bytes) => {
    const text = requireUtf8(bytes);
    if (isDeeperThan(maxDepth, bytes)) {
      throw new ClusterRunnerError(
        'INVALID_REQUEST',
        `The body nests objects and lists deeper than the ${maxDepth} levels that are accepted.`,
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
      throw invalidJson(error);
    }
    return ctx.request.body;
  };
}

/** Whether the text is an object in which no name can be `__proto__`, escaped or not. koa-bodyparser parses it alike. */
function isPlain(text: string): boolean {
  return text.startsWith('{') && !text.includes('__proto__') && !text.includes('\\u');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidJson(error);
  }
}

function invalidJson(error: unknown): ClusterRunnerError {
  return new ClusterRunnerError('INVALID_REQUEST', `The body is not valid JSON: ${messageOf(error)}`, {
    cause: error,
  });
}

/** Without this check, bytes that are not UTF-8 would silently become U+FFFD. */
export function requireUtf8(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) {
    throw new ClusterRunnerError('INVALID_REQUEST', 'The body is not valid UTF-8.');
  }
  return utf8.decode(bytes);
}
