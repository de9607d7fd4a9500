import { createHmac, timingSafeEqual } from 'node:crypto';

/*
 * Tokens for people and programs without the secret, valid until they expire. They are not stored: the secret creates and
 * verifies them, so a new secret invalidates them.
 */

/** A read token permits reading alone; a control token also permits canceling and rerunning builds, and draining slaves. */
export type TokenKind = 'read' | 'control';

const FORM = /^(crt1|crc1)\.(\d{1,12})\.([A-Za-z0-9_-]{43})$/;
const prefixes = { read: 'crt1', control: 'crc1' } as const;

/** `expires` in whole seconds since the epoch. */
export function makeAccessToken(kind: TokenKind, secret: string, expires: number): string {
  return `${prefixes[kind]}.${expires}.${macOf(kind, secret, expires)}`;
}

export interface AccessToken {
  readonly kind: TokenKind;
  /** Seconds since the epoch. */
  readonly expires: number;
  readonly hasExpired: boolean;
}

/** Verifies a token under any of the secrets; null for one that none of them made. `now` in seconds since the epoch. */
export function readAccessToken(secrets: readonly string[], token: string, now: number): AccessToken | null {
  const [, prefix, expiry, mac] = FORM.exec(token) ?? [];
  if (prefix === undefined || expiry === undefined || mac === undefined) {
    return null;
  }
  const kind = prefix === prefixes.control ? 'control' : 'read';
  const expires = Number(expiry);
  const given = Buffer.from(mac);
  const isOurs = secrets.some((secret) => timingSafeEqual(Buffer.from(macOf(kind, secret, expires)), given));
  return isOurs ? { kind, expires, hasExpired: expires < now } : null;
}

/** The label separates tokens of each kind from everything else that is signed under the same secret. */
function macOf(kind: TokenKind, secret: string, expires: number): string {
  return createHmac('sha256', secret).update(`clusterrunner ${kind} token\n${expires}`).digest('base64url');
}
