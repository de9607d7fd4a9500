import type { Context } from 'koa';
import { seconds } from '../../../lib/clock.js';
import { verifyReadToken } from '../../../protocol/signing/read-token.js';
import { authenticateHead, failed, type Keys, type RequestHead, refusal } from './authenticate.js';

/** public: whoever reaches the master may read. signed: who has the secret, or a read token. */
export type ReadAccess = 'public' | 'signed';

const COOKIE = 'clusterrunner_read_token';
const CHALLENGES = [
  'ClusterRunner',
  'Basic realm="ClusterRunner: a read token is the password", charset="UTF-8"',
];

/**
 * Lets a reading request in that is signed as the parts sign, or brings a read token: as `Authorization: Bearer`, as the
 * password of a browser that asks for one (Basic, RFC 7617, with any user), as `?token=` or, behind one that did so, as
 * a cookie. Nothing else is ever taken from what a browser sends by itself, so that no page can make it change anything.
 * Answers which of the two it was.
 * @throws ClusterRunnerError UNAUTHENTICATED
 */
export async function authenticateReader(
  ctx: Context,
  head: RequestHead,
  keys: Keys,
): Promise<'signature' | 'token'> {
  if (head.headers['signature-input'] !== undefined) {
    await authenticateHead('parts', head, keys);
    return 'signature';
  }
  const inQuery = tokenInQuery(ctx);
  const token = tokenInHeader(ctx.get('Authorization')) ?? inQuery ?? ctx.cookies.get(COOKIE);
  // Only whoever reads is asked: to what changes something no browser has an answer.
  ctx.set('WWW-Authenticate', CHALLENGES);
  if (token === undefined) {
    throw refusal(
      'reading needs a signature or a read token here; make one with `clusterrunner token`, and send it in the header ' +
        '`Authorization: Bearer`, as the password that a browser asks for, or as ?token=',
    );
  }
  requireToken(token, head, keys);
  ctx.remove('WWW-Authenticate');
  ctx.set('Cache-Control', 'private, no-cache');
  if (token === inQuery) {
    const { secure } = ctx;
    ctx.cookies.set(COOKIE, token, { httpOnly: true, sameSite: 'strict', path: '/', secure });
  }
  return 'token';
}

/** The target of a request as it may be logged. */
export function withTokenHidden(target: string): string {
  const [path = '', query] = target.split(/\?(.*)/s);
  if (query === undefined) {
    return path;
  }
  const shown = new URLSearchParams(query);
  if (shown.has('token')) {
    shown.set('token', 'hidden');
  }
  return `${path}?${shown}`;
}

/** The value of a header has no blanks around it. Nothing in the pattern may be read in two ways: it would be slow. */
export function tokenInHeader(authorization: string): string | undefined {
  const [, scheme = '', value = ''] = /^(Bearer|Basic) +([^ ]*)$/i.exec(authorization) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return value;
    case 'basic':
      return Buffer.from(value, 'base64')
        .toString()
        .replace(/^[^:]*:/, '');
    default:
      return undefined;
  }
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
        'token',
        head,
        keys,
        'the read token is not one of this master; make another with `clusterrunner token`',
      );
  }
}
