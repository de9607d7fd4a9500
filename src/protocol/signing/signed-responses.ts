import { createHmac, timingSafeEqual } from 'node:crypto';
import { ALGORITHM, KEY_ID } from './signature-input.js';

/*
 * Responses of the master to requests with an HTTP signature are signed themselves (RFC 9421, section 2.4), over the
 * status, the body and the unique signature of the request. A slave executes the contents of such responses, so without
 * this anybody between it and its master could make it run anything.
 */

export interface SignedResponse {
  readonly status: number;
  /** The value of the response's Content-Digest. */
  readonly digest: string;
  /** The value of the request's header Signature. */
  readonly requestSignature: string;
}

const COVERED = '("@status" "content-digest" "signature";req)';
const PARAMS =
  /^cr=(\("@status" "content-digest" "signature";req\);created=\d{1,12};keyid="[a-z]{1,64}";alg="[a-z0-9-]{1,64}")$/;

/** Headers that sign a response under the secret that signed the request. `now` in seconds since the epoch. */
export function signedResponseHeaders(
  secret: string,
  response: SignedResponse,
  now: number,
): Record<string, string> {
  const params = `${COVERED};created=${Math.floor(now)};keyid="${KEY_ID}";alg="${ALGORITHM}"`;
  return {
    'content-digest': response.digest,
    'signature-input': `cr=${params}`,
    signature: `cr=:${macOf(secret, response, params)}:`,
  };
}

/** Whether the secret signed this response to this request. Its age is irrelevant: no other request has the same signature. */
export function isSignedResponse(
  secret: string,
  response: SignedResponse,
  headers: { readonly signatureInput: string; readonly signature: string },
): boolean {
  const params = PARAMS.exec(headers.signatureInput)?.[1];
  if (params === undefined) {
    return false;
  }
  const expected = Buffer.from(`cr=:${macOf(secret, response, params)}:`);
  const given = Buffer.from(headers.signature);
  return expected.length === given.length && timingSafeEqual(expected, given);
}

function macOf(secret: string, { status, digest, requestSignature }: SignedResponse, params: string): string {
  const base = [
    `"@status": ${status}`,
    `"content-digest": ${digest}`,
    `"signature";req: ${requestSignature}`,
    `"@signature-params": ${params}`,
  ].join('\n');
  return createHmac('sha256', secret).update(base).digest('base64');
}
