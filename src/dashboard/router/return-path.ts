import { isPagePath } from './page-paths.js';

const BASE = 'http://master';

/** The path to return to after signing in: that of a page of this dashboard, and otherwise the builds. */
export function returnPath(wanted: string | null): string {
  const url = wanted !== null && URL.canParse(wanted, BASE) ? new URL(wanted, BASE) : null;
  const isOfPage = url?.origin === BASE && isPagePath(url.pathname) && !url.pathname.startsWith('/ui/login');
  return isOfPage ? url.pathname + url.search + url.hash : '/ui/builds';
}
