import type { Context } from 'koa';
import type { SafeRegex } from '../../../lib/text/safe-regex.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';
import { isAllowedOrigin, isOwnOrigin } from '../origin-policy.js';
import { type Keys, type Proof, type RequestHead, refusal } from './authenticate.js';
import { checkToken } from './check-token.js';
import { bearerToken } from './read-auth.js';
import { sessionCookie } from './session-cookie.js';

/**
 * Authenticates a change by a control token, in `Authorization: Bearer` or in the cookie of a session. The browser sends that
 * cookie by itself, so the Origin must show that a page of this master or of an allowed origin sent the request.
 * A browser's password is not accepted, since nothing shows who made the browser send it.
 * @returns null when the request has neither
 * @throws ClusterRunnerError UNAUTHENTICATED, TOO_MANY_REQUESTS, FORBIDDEN_ORIGIN
 */
export function authenticateControl(
  ctx: Context,
  head: RequestHead,
  keys: Keys,
  allowedOrigins: SafeRegex | null,
): Proof | null {
  const bearer = bearerToken(ctx.get('Authorization'));
  const token = bearer ?? sessionCookie(ctx);
  if (token === undefined) {
    return null;
  }
  const origin = ctx.get('Origin');
  const isOfPage = isOwnOrigin(origin, ctx) || isAllowedOrigin(origin, allowedOrigins);
  if (bearer === undefined && !isOfPage) {
    throw new ClusterRunnerError(
      'FORBIDDEN_ORIGIN',
      'A change with the cookie of a session needs the header Origin of a page that may use it; programs send the token as `Authorization: Bearer`.',
    );
  }
  if (checkToken(token, head, keys).kind !== 'control') {
    throw refusal(
      'this token only permits reading; make one that permits this with `clusterrunner token --control`',
    );
  }
  return { form: 'control-token' };
}
