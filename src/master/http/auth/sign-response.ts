import type { Context } from 'koa';
import { signedResponseHeaders } from '../../../protocol/signing/signed-responses.js';
import { contentDigestOf } from '../../../protocol/signing/signing.js';
import type { Proof } from './authenticate.js';

/** Signs a JSON response to a request with an HTTP signature. `now` in seconds since the epoch. */
export function signResponse(ctx: Context, proof: Proof, now: number): void {
  const body: unknown = ctx.body;
  const isJson = typeof body === 'object' && body !== null && !('pipe' in body);
  if (proof.form !== 'http-signature' || !isJson) {
    return;
  }
  const text = JSON.stringify(body);
  ctx.body = text;
  ctx.type = 'application/json';
  const digest = contentDigestOf(Buffer.from(text));
  const response = { status: ctx.status, digest, requestSignature: ctx.get('Signature') };
  ctx.set(signedResponseHeaders(proof.secret, response, now));
}
