import type { Context } from 'koa';

const NAME = 'clusterrunner_session';

/**
 * The name of the cookie with a browser's token. It has the port of the Host that the browser names: cookies are shared by
 * all ports of a machine, and so by all its masters.
 */
export function sessionCookieName(host: string): string {
  const [, port] = /:(\d{1,5})$/.exec(host) ?? [];
  return port === undefined ? NAME : `${NAME}_${port}`;
}

export function sessionCookie(ctx: Context): string | undefined {
  return ctx.cookies.get(sessionCookieName(ctx.get('Host')));
}

/** Lets the browser keep a token for so many seconds. No script can read it, and no page of another site can use it. */
export function keepSessionCookie(ctx: Context, token: string, seconds: number): void {
  setCookie(
    ctx,
    `${sessionCookieName(ctx.get('Host'))}=${token}; Max-Age=${Math.max(0, Math.floor(seconds))}`,
  );
}

export function dropSessionCookie(ctx: Context): void {
  setCookie(ctx, `${sessionCookieName(ctx.get('Host'))}=; Max-Age=0`);
}

/** Behind a proxy that terminates TLS, only the Origin shows that the browser uses HTTPS. */
function setCookie(ctx: Context, cookie: string): void {
  const isSecure = ctx.secure || ctx.get('Origin').startsWith('https://');
  ctx.append('Set-Cookie', `${cookie}; Path=/; SameSite=Strict; HttpOnly${isSecure ? '; Secure' : ''}`);
}
