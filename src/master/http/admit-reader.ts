import type { Context } from 'koa';
import { seconds } from '../../lib/clock.js';
import { verifyReadToken } from '../../protocol/read-token.js';
import { authenticateHead, failed, type Keys, type RequestHead, refusal } from './authenticate.js';

/** public: whoever reaches the master may read. signed: who has the secret, or a read token. */
export type ReadAccess = 'public' | 'signed';

const COOKIE = 'clusterrunner_read_token';

/**
 * Lets a reading request in that is signed as the parts sign, or brings a read token: as `Authorization: Bearer`, as
 * `?token=` or, behind one that did so, as a cookie. Nothing else is ever taken from a cookie, so that no page can make
 * a browser change anything.
 * @throws ClusterRunnerError UNAUTHENTICATED
 */
export async function admitReader(ctx: Context, head: RequestHead, keys: Keys): Promise<void> {
  if (head.headers['signature-input'] !== undefined) {
    await authenticateHead('parts', head, keys);
    return;
  }
  const inQuery = tokenInQuery(ctx);
  const token = /^Bearer (.*)$/i.exec(ctx.get('Authorization'))?.[1] ?? inQuery ?? ctx.cookies.get(COOKIE);
  if (token === undefined) {
    throw refusal(
      'reading needs a signature or a read token here; make one with `clusterrunner token`, and send it as ?token= ' +
        'or in the header `Authorization: Bearer`',
    );
  }
  requireToken(token, head, keys);
  ctx.set('Cache-Control', 'private, no-cache');
  if (token === inQuery) {
    const { secure } = ctx;
    ctx.cookies.set(COOKIE, token, { httpOnly: true, sameSite: 'strict', path: '/', secure });
  }
}

/** What is not part of what the route asks: `?token=` is taken, and left out, wherever something is read. */
export function withoutToken(query: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { token: _, ...rest } = query;
  return rest;
}

function tokenInQuery(ctx: Context): string | undefined {
  const { token } = ctx.query;
  return typeof token === 'string' ? token : undefined;
}

function requireToken(token: string, head: RequestHead, keys: Keys): void {
  const verify = () => verifyReadToken(keys.secrets.current(), token, seconds(keys.clock.now()));
  const first = verify();
  const verdict = first === 'wrong' && keys.secrets.refresh() ? verify() : first;
  switch (verdict) {
    case 'good':
      return;
    case 'expired':
      throw refusal('the read token has expired; make another with `clusterrunner token`');
    case 'wrong':
      throw failed(
        head,
        keys,
        'the read token is not one of this master; make another with `clusterrunner token`',
      );
  }
}
