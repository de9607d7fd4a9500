import { createHmac, timingSafeEqual } from 'node:crypto';

/*
 * Read tokens: who has one may read, and nothing else, until it expires. Nothing of them is stored. The secret makes
 * and checks them, so they end with it.
 */

const FORM = /^crt1\.(\d{1,12})\.([A-Za-z0-9_-]{43})$/;

/** `expires` in whole seconds since the epoch. */
export function makeReadToken(secret: string, expires: number): string {
  return `crt1.${expires}.${macOf(secret, expires)}`;
}

export type TokenVerdict = 'good' | 'expired' | 'wrong';

/** Under any of the secrets; `now` in seconds since the epoch. */
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

/** The text begins like nothing that is signed otherwise under the same secret. */
function macOf(secret: string, expires: number): string {
  return createHmac('sha256', secret).update(`clusterrunner read token\n${expires}`).digest('base64url');
}
