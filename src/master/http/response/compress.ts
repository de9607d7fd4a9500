import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGzip, gzip } from 'node:zlib';
import type { Context } from 'koa';

/** Smaller responses fit into a packet or two. */
const LEAST_BYTES = 2048;
/** Higher levels take much longer, and save little of JSON. */
const LEVEL = 4;
const compressed = promisify(gzip);

/**
 * Compresses a JSON response for a reader who accepts gzip (RFC 9110, 12.5.3). To be called for responses that are not signed,
 * since a signature is over the bytes that are sent.
 */
export async function compressJson(ctx: Context): Promise<void> {
  const body: unknown = ctx.body;
  if (ctx.type !== 'application/json' || body === null || body === undefined) {
    return;
  }
  ctx.vary('Accept-Encoding');
  if (ctx.acceptsEncodings('gzip', 'identity') !== 'gzip') {
    return;
  }
  if (body instanceof Readable) {
    const gzipped = createGzip({ level: LEVEL });
    // When either end breaks off, the other one is destroyed; Koa notices what happens to the body.
    pipeline(body, gzipped).catch(() => undefined);
    setCompressed(ctx, gzipped);
    return;
  }
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  if (text.length >= LEAST_BYTES) {
    setCompressed(ctx, await compressed(text, { level: LEVEL }));
  }
}

function setCompressed(ctx: Context, body: Readable | Buffer): void {
  ctx.body = body;
  ctx.type = 'application/json';
  ctx.set('Content-Encoding', 'gzip');
}
