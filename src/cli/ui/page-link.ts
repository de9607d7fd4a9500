import type { MasterClient } from '../../client/master-client.js';
import { seconds, systemClock } from '../../lib/clock.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { BuildId } from '../../protocol/ids.js';
import { makeAccessToken, type TokenKind } from '../../protocol/signing/access-token.js';

/** The program that gives a link ends sooner in most cases. */
const LINK_SECONDS = 7 * 86_400;

/** A token for a link. @param secret of the program that serves the page, and of no other */
export function linkToken(kind: TokenKind, secret: string): string {
  return makeAccessToken(kind, secret, Math.floor(seconds(systemClock.now())) + LINK_SECONDS);
}

/**
 * The link to the page of a build. null where there is none: at a master of an older version, and at one that does not
 * respond.
 * @param token see pageLink
 */
export async function buildPageLink(
  client: Pick<MasterClient, 'getVersion'>,
  url: string,
  build: BuildId,
  token: string | null,
): Promise<string | null> {
  try {
    const { dashboard } = await client.getVersion();
    return dashboard === undefined ? null : pageLink(url, `${dashboard}/build/${build}`, token);
  } catch (error) {
    if (error instanceof ClusterRunnerError) {
      // The link is a convenience: whether the build goes on is found out by other requests.
      return null;
    }
    throw error;
  }
}

/**
 * The link to a page of a master. A token is in the fragment, which browsers do not send: the page exchanges it for a cookie.
 * @param url of the master
 * @param path from its root on
 */
export function pageLink(url: string, path: string, token: string | null): string {
  return `${url.replace(/\/+$/, '')}${path}${token === null ? '' : `#token=${token}`}`;
}
