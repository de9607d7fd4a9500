/**
 * The text with what may be secret in its URLs replaced by `***`: user and password before the host (a user
 * alone is kept where it is no secret, as in ssh://git@host), and everything behind a `?`, where signed
 * addresses carry their token.
 */
export function maskCredentials(text: string): string {
  return text
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/)([^/\s'"]*)@/gi, (whole, scheme: string, user: string) =>
      /^https?:/i.test(scheme) || user.includes(':') ? `${scheme}***@` : whole,
    )
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/[^\s'"?]*)\?[^\s'"]*/gi, '$1?***');
}
