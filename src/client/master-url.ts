import { ClusterRunnerError } from '../protocol/errors.js';

/** The default port of masters. */
const DEFAULT_PORT = '43000';

/** The URL of a master without user, password and slash at its end, for messages and commands. @throws as parseMasterUrl */
export function plainMasterUrl(text: string): string {
  const { origin, pathname } = parseMasterUrl(text);
  return origin + pathname.replace(/\/+$/, '');
}

/** A host alone means http and the default port. @throws ClusterRunnerError USAGE */
export function parseMasterUrl(text: string): URL {
  const hasScheme = /^[a-z]+:\/\//i.test(text);
  const withScheme = hasScheme ? text : `http://${text}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : null;
  if (url !== null && !hasScheme && url.port === '') {
    url.port = DEFAULT_PORT;
  }
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new ClusterRunnerError(
      'USAGE',
      `"${text}" is not the URL of a master; give one like http://master.example.com:43000.`,
    );
  }
  return url;
}
