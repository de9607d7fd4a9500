/* Types with which a browser may show the files of atoms. Their authors are the tests, so nobody trusts them. */

/**
 * By the end of the name. None of these is a script: the pages of the master, whose policy permits scripts of its origin,
 * must not find one among the files of an atom.
 */
const TYPES: Readonly<Record<string, string>> = {
  avif: 'image/avif',
  bmp: 'image/bmp',
  css: 'text/css; charset=utf-8',
  gif: 'image/gif',
  htm: 'text/html; charset=utf-8',
  html: 'text/html; charset=utf-8',
  ico: 'image/x-icon',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  otf: 'font/otf',
  png: 'image/png',
  svg: 'image/svg+xml',
  ttf: 'font/ttf',
  webp: 'image/webp',
  woff: 'font/woff',
  woff2: 'font/woff2',
};
const TEXT = 'text/plain; charset=utf-8';

/** The media type of a file that is shown: text unless its name says otherwise. */
export function shownType(path: string): string {
  const ending = /\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase() ?? '';
  return Object.hasOwn(TYPES, ending) ? (TYPES[ending] ?? TEXT) : TEXT;
}

/**
 * The policy of a shown file: as a page it has an origin of its own, without scripts, forms, windows and requests. It may use
 * the styles, pictures and fonts beside it, and be shown within the pages of the master.
 */
export const SHOWN_POLICY = [
  'sandbox',
  "default-src 'none'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join('; ');
