import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import { ALGORITHM, type Component, KEY_ID, readSignatureInput } from './signature-input.js';

/*
 * Two ways to sign a request with the shared secret:
 *
 * - Body HMAC: the hex HMAC-SHA512 of the exact bytes of the body, in one header. It does not cover method, path or time, so
 *   an observer can send the same body again to every route that accepts this form.
 * - HTTP signature: an HTTP Message Signature (RFC 9421, hmac-sha256) over method, path, query and the body's
 *   Content-Digest (RFC 9530), with created, expires, nonce and keyid.
 */

export const BODY_HMAC_HEADER = 'clusterrunner-message-authentication-digest';

/** Hex HMAC-SHA512 of `body` under the secret's UTF-8 bytes. */
export function bodyHmac(secret: string, body: Uint8Array): string {
  return createHmac('sha512', secret).update(body).digest('hex');
}

/** Compares in constant time; a header of another length is wrong. */
export function verifyBodyHmac(secret: string, body: Uint8Array, header: string): boolean {
  return equalInConstantTime(bodyHmac(secret, body), header.toLowerCase());
}

/** `Content-Digest` of a body with a known SHA-256, such as a streamed file. */
export function contentDigest(sha256: Uint8Array): string {
  return `sha-256=:${Buffer.from(sha256).toString('base64')}:`;
}

export function contentDigestOf(body: Uint8Array): string {
  return `sha-256=:${hash('sha256', body, 'base64')}:`;
}

const COVERED = '("@method" "@path" "@query" "content-digest")';
const LIFETIME_SECONDS = 60;

export interface SignedTarget {
  readonly method: string;
  /** Path and query as on the wire, e.g. `/v1/slave/3/work?x=1`. */
  readonly target: string;
  /** The value of the Content-Digest header. */
  readonly digest: string;
}

/** Headers that sign a request. `now` in seconds since the epoch; `nonce` must never be used twice. */
export function signRequest(
  secret: string,
  request: SignedTarget,
  now: number,
  nonce: string,
): Record<string, string> {
  const created = Math.floor(now);
  const params =
    `${COVERED};created=${created};expires=${created + LIFETIME_SECONDS}` +
    `;nonce="${nonce}";keyid="${KEY_ID}";alg="${ALGORITHM}"`;
  const base = signatureBase(request, ['@method', '@path', '@query', 'content-digest'], params);
  return {
    'content-digest': request.digest,
    'signature-input': `cr=${params}`,
    signature: `cr=:${hmacOf(secret, base)}:`,
  };
}

export interface SignatureHeaders {
  readonly signatureInput: string | undefined;
  readonly signature: string | undefined;
}

export type SignatureVerdict =
  /** `expires`: until then the signature is accepted, whatever its own parameter says, and its nonce must be remembered.
   *  `secret`: the one that signed. */
  | { readonly ok: true; readonly nonce: string; readonly expires: number; readonly secret: string }
  /** `key`: none of our secrets signed it. `clock`: one of them did, at another time. */
  | { readonly ok: false; readonly fault: 'form' | 'key' | 'clock'; readonly reason: string };

/**
 * Verifies an HTTP signature under each of the secrets. The caller must check that the body has the signed digest and that
 * the nonce is new. `now` in seconds since the epoch.
 */
export function verifyRequest(
  secrets: readonly string[],
  request: SignedTarget,
  headers: SignatureHeaders,
  now: number,
): SignatureVerdict {
  const input = readSignatureInput(headers.signatureInput ?? '', headers.signature ?? '');
  if (input === null) {
    return {
      ok: false,
      fault: 'form',
      reason: 'the request is not signed (Signature-Input and Signature are missing or malformed)',
    };
  }
  const base = signatureBase(request, input.components, input.params);
  const secret = secrets.find((one) => equalInConstantTime(hmacOf(one, base), input.signature));
  if (secret === undefined) {
    return {
      ok: false,
      fault: 'key',
      reason: 'the signature does not verify; both sides need the same secret in clusterrunner.conf',
    };
  }
  const age = now - input.created;
  if (Math.abs(age) > LIFETIME_SECONDS || input.expires < now) {
    const when = `${Math.abs(Math.round(age))} s ${age < 0 ? 'in the future' : 'ago'}`;
    return {
      ok: false,
      fault: 'clock',
      reason: `the secret is right, but the signature was made ${when} by the clock of the master; set the clocks of both machines`,
    };
  }
  return { ok: true, nonce: input.nonce, expires: input.created + LIFETIME_SECONDS, secret };
}

/** RFC 9421, section 2.5. An absent query is signed as `?` (section 2.2.7). */
function signatureBase(request: SignedTarget, components: readonly Component[], params: string): string {
  const split = request.target.indexOf('?');
  const values: Record<Component, string> = {
    '@method': request.method.toUpperCase(),
    '@path': split === -1 ? request.target : request.target.slice(0, split),
    '@query': split === -1 ? '?' : request.target.slice(split),
    'content-digest': request.digest,
  };
  const lines = components.map((component) => `"${component}": ${values[component]}`);
  return [...lines, `"@signature-params": ${params}`].join('\n');
}

function hmacOf(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('base64');
}

function equalInConstantTime(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
