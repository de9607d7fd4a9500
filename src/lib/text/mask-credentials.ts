/** The letters of a scheme are looked for behind its `://`, which is found at once, and no further back than this. */
const USER_BEFORE_HOST = /:\/\/(?<=([a-z0-9+.-]{1,31}):\/\/)([^/\s'"]*)@/gi;
const ADDRESS = /:\/\/(?<=[a-z0-9+.-]:\/\/)/i;

/**
 * The text with what may be secret in its URLs replaced by `***`: user and password before the host (a user
 * alone is kept where it is no secret, as in ssh://git@host), and everything behind a `?`, where signed
 * addresses carry their token. It takes time in proportion to the text, which may be a stranger's.
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
