/** How long the token of a link is good, in seconds; the program that gives it ends sooner in most cases. */
export const LINK_SECONDS = 7 * 86_400;

/**
 * The link to a page of a master. A token is in the fragment, which browsers do not send: the page exchanges it for a cookie.
 * @param url of the master
 * @param path from its root on
 */
export function pageLink(url: string, path: string, token: string | null): string {
  return `${url.replace(/\/+$/, '')}${path}${token === null ? '' : `#token=${token}`}`;
}
