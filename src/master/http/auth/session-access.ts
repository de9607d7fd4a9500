import type { Context } from 'koa';
import { seconds } from '../../../lib/clock.js';
import type { AccessToken } from '../../../protocol/signing/access-token.js';
import { isSigned, type Keys, type RequestHead } from './authenticate.js';
import { checkToken, lookAtToken } from './check-token.js';
import { bearerToken, tokenInHeader } from './read-auth.js';
import { dropSessionCookie, keepSessionCookie, sessionCookie } from './session-cookie.js';

/** The permissions of a request, in the form of the API. */
export interface Permissions {
  readonly may_read: boolean;
  readonly may_act: boolean;
  /** Seconds since the epoch; null for those that do not expire. */
  readonly expires: number | null;
}

/** The session of the browser that sent a request. */
export class SessionAccess {
  readonly #ctx: Context;
  readonly #head: RequestHead;
  readonly #keys: Keys;
  readonly #isReadingPublic: boolean;

  constructor(ctx: Context, head: RequestHead, keys: Keys, isReadingPublic: boolean) {
    this.#ctx = ctx;
    this.#head = head;
    this.#keys = keys;
    this.#isReadingPublic = isReadingPublic;
  }

  /** The permissions that the credentials of the request give. Wrong ones give none, and are not counted. */
  permissions(): Permissions {
    if (isSigned(this.#head, this.#keys)) {
      return { may_read: true, may_act: true, expires: null };
    }
    const authorization = this.#ctx.get('Authorization');
    const header = tokenInHeader(authorization);
    const token = this.#valid(header ?? sessionCookie(this.#ctx));
    // As for a change, a browser's password does not count.
    const acting = this.#valid(bearerToken(authorization) ?? sessionCookie(this.#ctx));
    const mayAct = acting?.kind === 'control';
    return this.#permit(token ?? acting, mayAct);
  }

  /** Begins a session with a token. @throws ClusterRunnerError UNAUTHENTICATED, TOO_MANY_REQUESTS */
  signIn(token: string): Permissions {
    const checked = checkToken(token, this.#head, this.#keys);
    keepSessionCookie(this.#ctx, token, checked.expires - seconds(this.#keys.clock.now()));
    return this.#permit(checked, checked.kind === 'control');
  }

  signOut(): void {
    dropSessionCookie(this.#ctx);
  }

  #valid(token: string | undefined): AccessToken | null {
    const read = token === undefined ? null : lookAtToken(token, this.#keys);
    return read === null || read.hasExpired ? null : read;
  }

  #permit(token: AccessToken | null, mayAct: boolean): Permissions {
    return {
      may_read: this.#isReadingPublic || token !== null,
      may_act: mayAct,
      expires: token?.expires ?? null,
    };
  }
}
