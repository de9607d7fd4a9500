import { createHmac, timingSafeEqual } from 'node:crypto';
import { ALGORITHM, KEY_ID } from './signature-input.js';

/*
 * The master's answers to what is signed by all parts, signed themselves as RFC 9421, section 2.4 says: over status, body
 * and the signature of the request, of which no two are alike. A slave runs what such an answer says: without this
 * whoever is between it and its master could make it run anything.
 */

export interface Answer {
  readonly status: number;
  /** The value of the answer's Content-Digest. */
  readonly digest: string;
  /** The value of the request's header Signature. */
  readonly requestSignature: string;
}

const COVERED = '("@status" "content-digest" "signature";req)';
const PARAMS =
  /^cr=(\("@status" "content-digest" "signature";req\);created=\d{1,12};keyid="[a-z]{1,64}";alg="[a-z0-9-]{1,64}")$/;

/** Headers that sign an answer, under the secret that the request was signed with. `now` in seconds since the epoch. */
export function signedResponseHeaders(secret: string, answer: Answer, now: number): Record<string, string> {
  const params = `${COVERED};created=${Math.floor(now)};keyid="${KEY_ID}";alg="${ALGORITHM}"`;
  return {
    'content-digest': answer.digest,
    'signature-input': `cr=${params}`,
    signature: `cr=:${macOf(secret, answer, params)}:`,
  };
}

/** Whether the secret signed this answer to this very request. It need not be new: no other request has the signature. */
export function isSignedResponse(
  secret: string,
  answer: Answer,
  headers: { readonly signatureInput: string; readonly signature: string },
): boolean {
  const params = PARAMS.exec(headers.signatureInput)?.[1];
  if (params === undefined) {
    return false;
  }
  const expected = Buffer.from(`cr=:${macOf(secret, answer, params)}:`);
  const given = Buffer.from(headers.signature);
  return expected.length === given.length && timingSafeEqual(expected, given);
}

function macOf(secret: string, { status, digest, requestSignature }: Answer, params: string): string {
  const base = [
    `"@status": ${status}`,
    `"content-digest": ${digest}`,
    `"signature";req: ${requestSignature}`,
    `"@signature-params": ${params}`,
  ].join('\n');
  return createHmac('sha256', secret).update(base).digest('base64');
}
