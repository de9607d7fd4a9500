/** `://` is found first, and the scheme by a bounded lookbehind, so that the time stays linear. */
const USER_BEFORE_HOST = /:\/\/(?<=([a-z0-9+.-]{1,31}):\/\/)([^/\s'"]*)@/gi;
const ADDRESS = /:\/\/(?<=[a-z0-9+.-]:\/\/)/i;

/**
 * Replaces possible secrets in the URLs of a text by `***`: user and password before the host, and everything after a `?`,
 * where signed URLs have their token. A user alone is kept where it is no secret, as in ssh://git@host. It takes linear
 * time, since the text may be untrusted.
 */
export function maskCredentials(text: string): string {
  return text
    .replace(USER_BEFORE_HOST, (whole, scheme: string, user: string) =>
      /^https?$/i.test(scheme) || user.includes(':') ? '://***@' : whole,
    )
    .replace(/[^\s'"]+/g, withoutQuery);
}

function withoutQuery(word: string): string {
  const address = word.search(ADDRESS);
  const query = address === -1 ? -1 : word.indexOf('?', address);
  return query === -1 ? word : `${word.slice(0, query)}?***`;
}
