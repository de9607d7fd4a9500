import { ClusterRunnerError } from '../protocol/errors.js';

/** @throws ClusterRunnerError USAGE */
export function parseMasterUrl(text: string): URL {
  const withScheme = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new ClusterRunnerError(
      'USAGE',
      `"${text}" is not the URL of a master; give one like http://master.example.com:43000.`,
    );
  }
  return url;
}
