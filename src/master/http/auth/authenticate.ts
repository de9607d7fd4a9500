import { hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type Clock, seconds } from '../../../lib/clock.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';
import type { Signing } from '../../../protocol/route.js';
import type { Secrets } from '../../../protocol/signing/secrets.js';
import {
  BODY_HMAC_HEADER,
  contentDigest,
  type SignatureVerdict,
  verifyBodyHmac,
  verifyRequest,
} from '../../../protocol/signing/signing.js';
import type { ProofKind, SignatureRateLimit } from './signature-rate-limit.js';

export interface Keys {
  /** A signature under any of them is valid, so that a secret can be changed without an interruption. */
  readonly secrets: Secrets;
  /** Whether the HMAC over the body alone is accepted where a route allows it. */
  readonly acceptBodyDigest: boolean;
  readonly failedSignatures: SignatureRateLimit;
  /** False when the nonce was seen before; `expires` (seconds since the epoch) is when it may be forgotten. */
  readonly rememberNonce: (nonce: string, expires: number) => boolean | Promise<boolean>;
  readonly clock: Clock;
}

export interface RequestHead {
  readonly method: string;
  /** Path and query as received. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** The sender's address; see clientAddress. */
  readonly address: string;
}

/** The proof that the head of a request gives for the body that is still to come. */
export type Proof =
  | { readonly form: 'none' }
  /** The sender has a token that permits the request, whatever its body. */
  | { readonly form: 'control-token' }
  /** Nothing yet: the HMAC is over the body alone. */
  | { readonly form: 'body-hmac'; readonly verify: (body: Buffer) => void }
  /** The sender has this secret; `verify` compares the SHA-256 of the body with the one that was signed. */
  | { readonly form: 'http-signature'; readonly secret: string; readonly verify: (sha256: Buffer) => void };

/**
 * Checks what can be checked before the body is read, so that nobody without the secret makes the master read much.
 * The nonce is used up here, while the signature is valid: a replay whose body arrives slowly until the nonce is
 * forgotten gains nothing.
 * @throws ClusterRunnerError UNAUTHENTICATED with a message that says how to sign, CLOCK_SKEWED, TOO_MANY_REQUESTS
 */
export async function authenticateHead(signing: Signing, head: RequestHead, keys: Keys): Promise<Proof> {
  if (signing === 'none') {
    return { form: 'none' };
  }
  if (signing === 'http-signature' || head.headers['signature-input'] !== undefined) {
    return await authenticateSignature(head, keys);
  }
  if (!keys.acceptBodyDigest) {
    throw refusal(`this master takes no digest of the body alone; ${SIGN_REQUEST}`);
  }
  const digest = textOf(head.headers[BODY_HMAC_HEADER]);
  if (digest === undefined) {
    throw refusal(`the request is not signed; ${SIGN_BODY}`);
  }
  return { form: 'body-hmac', verify: (body) => requireBodyHmac(keys, head, body, digest) };
}

/**
 * Whether a request that needs no signature has a valid one. A replay passes too until the signature expires, which is
 * harmless: a signed reader is only exempt from limits.
 */
export function isSigned(head: RequestHead, keys: Keys): boolean {
  return (
    head.headers['signature-input'] !== undefined &&
    verdictOf(head, textOf(head.headers['content-digest']) ?? '', keys).ok
  );
}

/** Checks a body that is held in memory. @throws ClusterRunnerError UNAUTHENTICATED */
export function authenticateBody(proof: Proof, body: Buffer): void {
  switch (proof.form) {
    case 'none':
    case 'control-token':
      return;
    case 'body-hmac':
      proof.verify(body);
      return;
    case 'http-signature':
      proof.verify(hash('sha256', body, 'buffer'));
      return;
  }
}

async function authenticateSignature(head: RequestHead, keys: Keys): Promise<Proof> {
  const digest = textOf(head.headers['content-digest']) ?? '';
  const verdict = verdictOf(head, digest, keys);
  if (!verdict.ok) {
    if (verdict.fault === 'clock') {
      keys.failedSignatures.count('clock', head.address);
      throw new ClusterRunnerError('CLOCK_SKEWED', `Refused: ${verdict.reason}.`);
    }
    // A correctly formed signature under another secret needs no instructions for signing.
    throw failed(
      'signature',
      head,
      keys,
      verdict.fault === 'key' ? verdict.reason : `${verdict.reason}. ${SIGN_REQUEST}`,
    );
  }
  if (!(await keys.rememberNonce(verdict.nonce, verdict.expires))) {
    throw refusal('this very request was received before; sign each request again, with a nonce of its own');
  }
  return {
    form: 'http-signature',
    secret: verdict.secret,
    verify: (sha256) => {
      if (contentDigest(sha256) !== digest) {
        throw refusal('the body is not the one that was signed (its SHA-256 is not that of Content-Digest)');
      }
    },
  };
}

function verdictOf({ method, target, headers }: RequestHead, digest: string, keys: Keys): SignatureVerdict {
  const signature = {
    signatureInput: textOf(headers['signature-input']),
    signature: textOf(headers.signature),
  };
  const verify = () =>
    verifyRequest(keys.secrets.current(), { method, target, digest }, signature, seconds(keys.clock.now()));
  const verdict = verify();
  // The sender may have read a new secret before this process did.
  return !verdict.ok && verdict.fault === 'key' && keys.secrets.refresh() ? verify() : verdict;
}

const SIGN_REQUEST = 'Sign method, path, query and Content-Digest (RFC 9421, see docs/api.md)';
const SIGN_BODY =
  'send the header ClusterRunner-Message-Authentication-Digest with the hex HMAC-SHA512 of the exact bytes of ' +
  'the body under the `secret` of clusterrunner.conf';

function requireBodyHmac(keys: Keys, head: RequestHead, body: Buffer, digest: string): void {
  const isGood = () => keys.secrets.current().some((secret) => verifyBodyHmac(secret, body, digest));
  if (!isGood() && !(keys.secrets.refresh() && isGood())) {
    throw failed(
      'digest',
      head,
      keys,
      `the digest is not the one of this body under the master's secret; ${SIGN_BODY}`,
    );
  }
}

/** Counts an invalid proof. @returns its refusal, which beyond the rate limit says only when to try again */
export function failed(kind: ProofKind, head: RequestHead, keys: Keys, reason: string): ClusterRunnerError {
  const busy = keys.failedSignatures.refusal(kind, head.address);
  keys.failedSignatures.count(kind, head.address);
  return busy ?? refusal(reason);
}

export function refusal(reason: string): ClusterRunnerError {
  return new ClusterRunnerError('UNAUTHENTICATED', `Refused: ${reason}.`);
}

function textOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined;
}
