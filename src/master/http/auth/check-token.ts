import { seconds } from '../../../lib/clock.js';
import { type AccessToken, readAccessToken } from '../../../protocol/signing/access-token.js';
import { failed, type Keys, type RequestHead, refusal } from './authenticate.js';

/** Verifies a token, and counts one that is wrong. @throws ClusterRunnerError UNAUTHENTICATED, TOO_MANY_REQUESTS */
export function checkToken(token: string, head: RequestHead, keys: Keys): AccessToken {
  const read = lookAtToken(token, keys);
  if (read === null) {
    const reason = 'the token is not one of this master; make another with `clusterrunner token`';
    throw failed('token', head, keys, reason);
  }
  if (read.hasExpired) {
    throw refusal('the token has expired; make another with `clusterrunner token`');
  }
  return read;
}

/** null for a token that is not of this master. */
export function lookAtToken(token: string, keys: Keys): AccessToken | null {
  const read = () => readAccessToken(keys.secrets.current(), token, seconds(keys.clock.now()));
  const found = read();
  // The token may be of a new secret that this process has not read yet.
  return found === null && keys.secrets.refresh() ? read() : found;
}
