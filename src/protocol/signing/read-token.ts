import { createHmac, timingSafeEqual } from 'node:crypto';

/*
 * Read tokens permit reading, and nothing else, until they expire. They are not stored: the secret creates and verifies
 * them, so a new secret invalidates them.
 */

const FORM = /^crt1\.(\d{1,12})\.([A-Za-z0-9_-]{43})$/;

/** `expires` in whole seconds since the epoch. */
export function makeReadToken(secret: string, expires: number): string {
  return `crt1.${expires}.${macOf(secret, expires)}`;
}

export type TokenVerdict = 'good' | 'expired' | 'wrong';

/** Verifies a token under any of the secrets. `now` in seconds since the epoch. */
export function verifyReadToken(secrets: readonly string[], token: string, now: number): TokenVerdict {
  const [, expires, mac] = FORM.exec(token) ?? [];
  if (expires === undefined || mac === undefined) {
    return 'wrong';
  }
  const given = Buffer.from(mac);
  const isOurs = secrets.some((secret) =>
    timingSafeEqual(Buffer.from(macOf(secret, Number(expires))), given),
  );
  if (!isOurs) {
    return 'wrong';
  }
  return Number(expires) < now ? 'expired' : 'good';
}

/** The prefix separates tokens from everything else that is signed under the same secret. */
function macOf(secret: string, expires: number): string {
  return createHmac('sha256', secret).update(`clusterrunner read token\n${expires}`).digest('base64url');
}
