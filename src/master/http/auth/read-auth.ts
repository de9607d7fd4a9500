import type { Context } from 'koa';
import { authenticateHead, type Keys, type RequestHead, refusal } from './authenticate.js';
import { checkToken } from './check-token.js';
import { keepSessionCookie, sessionCookie } from './session-cookie.js';

const CHALLENGE = 'ClusterRunner';
const BASIC_CHALLENGE = 'Basic realm="ClusterRunner: a token is the password", charset="UTF-8"';

/**
 * Authenticates a read by an HTTP signature or a token. A token comes as `Authorization: Bearer`, as a browser's password
 * (Basic, RFC 7617, any user), as `?token=`, or in the cookie of a session, which `?token=` begins.
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
  const token = tokenInHeader(ctx.get('Authorization')) ?? inQuery ?? sessionCookie(ctx);
  // Only reads are challenged: a browser has no credentials for changes. Calls of a page must not make the browser ask.
  const isForPeople = ctx.get('Accept') === '' || /(text\/html|\*\/\*)/i.test(ctx.get('Accept'));
  ctx.set('WWW-Authenticate', isForPeople ? [CHALLENGE, BASIC_CHALLENGE] : CHALLENGE);
  if (token === undefined) {
    throw refusal(
      'reading needs a signature or a token here; make one with `clusterrunner token`, and send it in the header ' +
        '`Authorization: Bearer`, as the password that a browser asks for, or as ?token=',
    );
  }
  const { kind, expires } = checkToken(token, head, keys);
  if (token === inQuery && kind === 'control') {
    throw refusal(
      'a control token may not be in an address, which ends up in histories and logs; sign in at /ui/login with it',
    );
  }
  ctx.remove('WWW-Authenticate');
  ctx.set('Cache-Control', 'private, no-cache');
  if (token === inQuery) {
    keepSessionCookie(ctx, token, expires - keys.clock.now() / 1000);
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

/** @param authorization trimmed; the patterns are unambiguous, so that they cannot backtrack. */
export function tokenInHeader(authorization: string): string | undefined {
  const [, basic] = /^Basic +([^ ]*)$/i.exec(authorization) ?? [];
  return basic === undefined
    ? bearerToken(authorization)
    : Buffer.from(basic, 'base64')
        .toString()
        .replace(/^[^:]*:/, '');
}

/** @param authorization as above */
export function bearerToken(authorization: string): string | undefined {
  return /^Bearer +([^ ]*)$/i.exec(authorization)?.[1];
}

function tokenInQuery(ctx: Context): string | undefined {
  const { token } = ctx.query;
  return typeof token === 'string' ? token : undefined;
}
