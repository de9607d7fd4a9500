import type Router from '@koa/router';
import type { Context } from 'koa';
import { ClusterRunnerError } from '../../../protocol/errors.js';
import { DASHBOARD } from '../../../protocol/routes.js';
import { acceptsOwnTypes } from '../response/content-negotiation.js';
import type { PageFile, PageFiles } from './page-files.js';

/** Only files of this origin, no script or style within the page, and no page around it. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "frame-src 'self'",
  "font-src 'none'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The name of an asset has its digest, so its content never changes. */
const FOREVER = 'public, max-age=31536000, immutable';

/**
 * Serves the dashboard: at `/` to clients that prefer HTML over the API's JSON, and at its own paths below `/ui`. Its files
 * hold nothing secret and need no token.
 */
export function servePage(router: Router, { page, assets }: PageFiles): void {
  router.get('/', async (ctx, next) => {
    ctx.vary('Accept');
    if (!prefersPage(ctx)) {
      await next();
      return;
    }
    sendPage(ctx, page);
  });
  router.get(`${DASHBOARD}/assets/:name`, (ctx) => {
    const file = assets.get(ctx.params.name ?? '');
    if (file === undefined) {
      throw new ClusterRunnerError(
        'NOT_FOUND',
        `The dashboard has no file ${ctx.params.name}; reload the page, since the master may have a newer one.`,
      );
    }
    ctx.set('Cache-Control', FOREVER);
    sendFile(ctx, file);
  });
  router.get([DASHBOARD, `${DASHBOARD}/*path`], (ctx) => sendPage(ctx, page));
}

function prefersPage(ctx: Context): boolean {
  return !acceptsOwnTypes(ctx) && ctx.accepts('application/json', 'text/html') === 'text/html';
}

function sendPage(ctx: Context, page: PageFile): void {
  ctx.set('Content-Security-Policy', CONTENT_SECURITY_POLICY);
  ctx.set('Cross-Origin-Opener-Policy', 'same-origin');
  ctx.set('Cache-Control', 'no-cache');
  sendFile(ctx, page);
}

function sendFile(ctx: Context, { type, etag, plain, gzipped }: PageFile): void {
  ctx.status = 200;
  ctx.set('ETag', etag);
  ctx.vary('Accept-Encoding');
  if (ctx.fresh) {
    ctx.status = 304;
    return;
  }
  ctx.type = type;
  if (ctx.acceptsEncodings('gzip', 'identity') === 'gzip') {
    ctx.set('Content-Encoding', 'gzip');
    ctx.body = gzipped;
  } else {
    ctx.body = plain;
  }
}
