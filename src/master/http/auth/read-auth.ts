import type { Context } from 'koa';
import { seconds } from '../../../lib/clock.js';
import { verifyReadToken } from '../../../protocol/signing/read-token.js';
import { authenticateHead, failed, type Keys, type RequestHead, refusal } from './authenticate.js';

const COOKIE = 'clusterrunner_read_token';
const CHALLENGES = [
  'ClusterRunner',
  'Basic realm="ClusterRunner: a read token is the password", charset="UTF-8"',
];

/**
 * Authenticates a read by an HTTP signature or a read token. A token comes as `Authorization: Bearer`, as a browser's
 * password (Basic, RFC 7617, any user), as `?token=`, or in the cookie that `?token=` sets. Credentials that browsers
 * send by themselves serve for reading only, so no page can make a browser change anything.
 * @returns which of the two it was
 * @throws ClusterRunnerError UNAUTHENTICATED
 */
export async function authenticateReader(
  ctx: Context,
  head: RequestHead,
  keys: Keys,
): Promise<'signature' | 'token'> {
  if (head.headers['signature-input'] !== undefined) {
    await authenticateHead('http-signature', head, keys);
    return 'signature';
  }
  const inQuery = tokenInQuery(ctx);
  const token = tokenInHeader(ctx.get('Authorization')) ?? inQuery ?? ctx.cookies.get(COOKIE);
  // Only reads are challenged: a browser has no credentials for changes.
  ctx.set('WWW-Authenticate', CHALLENGES);
  if (token === undefined) {
    throw refusal(
      'reading needs a signature or a read token here; make one with `clusterrunner token`, and send it in the header ' +
        '`Authorization: Bearer`, as the password that a browser asks for, or as ?token=',
    );
  }
  verifyToken(token, head, keys);
  ctx.remove('WWW-Authenticate');
  ctx.set('Cache-Control', 'private, no-cache');
  if (token === inQuery) {
    const { secure } = ctx;
    ctx.cookies.set(COOKIE, token, { httpOnly: true, sameSite: 'strict', path: '/', secure });
  }
  return 'token';
}

/** The target of a request, for the log. */
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

/** @param authorization trimmed; the pattern is unambiguous, so that it cannot backtrack. */
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

function verifyToken(token: string, head: RequestHead, keys: Keys): void {
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
