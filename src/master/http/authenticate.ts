import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type Clock, seconds } from '../../lib/clock.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { Signing } from '../../protocol/route.js';
import {
  contentDigest,
  DOCUMENT_DIGEST_HEADER,
  verifyDocumentDigest,
  verifyParts,
} from '../../protocol/signing.js';

export interface Keys {
  /** Any of them is good: so a secret can be changed without a moment at which nobody may speak. */
  readonly secrets: readonly string[];
  /** False when the nonce was seen before; `expires` (seconds since the epoch) is when it may be forgotten. */
  readonly rememberNonce: (nonce: string, expires: number) => boolean | Promise<boolean>;
  readonly clock: Clock;
}

export interface RequestHead {
  readonly method: string;
  /** Path and query as they came over the wire. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
}

/** What the head of a request proves about the body that is still to come. */
export type Proof =
  | { readonly form: 'none' }
  /** Nothing yet: the digest is over the body alone. */
  | { readonly form: 'document'; readonly verify: (body: Buffer) => void }
  /** The sender has the secret; `verify` compares the SHA-256 of the body with the one that was signed. */
  | { readonly form: 'parts'; readonly verify: (sha256: Buffer) => void };

/**
 * Checks what can be checked before the body is read, so that nobody without the secret makes the master read
 * much. The nonce is spent here, while the signature is within its time: a replay whose body trickles in until
 * the nonce is forgotten gains nothing.
 * @throws ClusterRunnerError UNAUTHENTICATED with a sentence that says how to sign
 */
export async function authenticateHead(signing: Signing, head: RequestHead, keys: Keys): Promise<Proof> {
  if (signing === 'none') {
    return { form: 'none' };
  }
  const digest = textOf(head.headers[DOCUMENT_DIGEST_HEADER]);
  if (signing === 'document' && digest !== undefined) {
    return { form: 'document', verify: (body) => requireDocumentDigest(keys.secrets, body, digest) };
  }
  const signatureInput = textOf(head.headers['signature-input']);
  if (signing === 'document' && signatureInput === undefined) {
    throw refusal(`the request is not signed; ${HOW_TO_SIGN}`);
  }
  const target = {
    method: head.method,
    target: head.target,
    digest: textOf(head.headers['content-digest']) ?? '',
  };
  const signature = { signatureInput, signature: textOf(head.headers.signature) };
  const now = seconds(keys.clock.now());
  const verdicts = keys.secrets.map((secret) => verifyParts(secret, target, signature, now));
  const good = verdicts.find((verdict) => verdict.ok);
  if (good === undefined || !good.ok) {
    const reasons = new Set(verdicts.flatMap((verdict) => (verdict.ok ? [] : [verdict.reason])));
    throw refusal(
      `${[...reasons].join('; ')}. Sign method, path, query and Content-Digest (RFC 9421, see docs/api.md)`,
    );
  }
  if (!(await keys.rememberNonce(good.nonce, good.expires))) {
    throw refusal('this very request was received before; sign each request anew, with a nonce of its own');
  }
  return {
    form: 'parts',
    verify: (sha256) => {
      if (contentDigest(sha256) !== target.digest) {
        throw refusal('the body is not the one that was signed (its SHA-256 is not that of Content-Digest)');
      }
    },
  };
}

/** Checks a body that is held in memory. @throws ClusterRunnerError UNAUTHENTICATED */
export function authenticateBody(proof: Proof, body: Buffer): void {
  switch (proof.form) {
    case 'none':
      return;
    case 'document':
      proof.verify(body);
      return;
    case 'parts':
      proof.verify(createHash('sha256').update(body).digest());
      return;
  }
}

const HOW_TO_SIGN =
  'send the header ClusterRunner-Message-Authentication-Digest with the hex HMAC-SHA512 of the exact bytes of ' +
  'the body under the `secret` of clusterrunner.conf';

function requireDocumentDigest(secrets: readonly string[], body: Buffer, digest: string): void {
  if (!secrets.some((secret) => verifyDocumentDigest(secret, body, digest))) {
    throw refusal(`the digest is not the one of this body under the master's secret; ${HOW_TO_SIGN}`);
  }
}

function refusal(reason: string): ClusterRunnerError {
  return new ClusterRunnerError('UNAUTHENTICATED', `Refused: ${reason}.`);
}

function textOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined;
}
