import { hostname, userInfo } from 'node:os';
import { errorCode } from '../../../lib/error-code.js';
import { cleanLine } from '../../../lib/text/strip-control-chars.js';
import { textStart } from '../../../lib/text/text-ends.js';
import { MAX_REQUESTER } from '../../../protocol/build/build.js';

/** Variables of CI systems with the user of a job: GitHub, GitLab, Buildkite, CircleCI, Azure Pipelines, Jenkins, Woodpecker. */
const VARIABLES = [
  'GITHUB_ACTOR',
  'GITLAB_USER_LOGIN',
  'BUILDKITE_BUILD_CREATOR',
  'CIRCLE_USERNAME',
  'BUILD_REQUESTEDFOR',
  'BUILD_USER_ID',
  'CI_COMMIT_AUTHOR',
] as const;

/** The requester of a build: the CI system's user, else `local`, the user of this machine. */
export function requesterOf(env: Readonly<Record<string, string | undefined>>, local: string): string {
  const names = VARIABLES.map((name) => cleanLine(env[name] ?? '').trim());
  const name = names.find((one) => one !== '') ?? cleanLine(local);
  return textStart(name, MAX_REQUESTER);
}

/** `user@machine`. */
export function localUser(): string {
  return `${userName()}@${hostname()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch (error) {
    // A container may run as a user id without a name.
    if (errorCode(error) !== undefined) {
      return `uid ${process.getuid?.() ?? 'unknown'}`;
    }
    throw error;
  }
}
