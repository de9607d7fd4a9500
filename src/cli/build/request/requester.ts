import { hostname, userInfo } from 'node:os';
import { errorCode } from '../../../lib/error-code.js';
import { cleanLine } from '../../../lib/text/strip-control-chars.js';
import { textStart } from '../../../lib/text/text-ends.js';
import { MAX_REQUESTER } from '../../../protocol/build/build.js';

/** Where CI systems say for whom a job runs: GitHub, GitLab, Buildkite, CircleCI, Azure Pipelines, Jenkins, Woodpecker. */
const VARIABLES = [
  'GITHUB_ACTOR',
  'GITLAB_USER_LOGIN',
  'BUILDKITE_BUILD_CREATOR',
  'CIRCLE_USERNAME',
  'BUILD_REQUESTEDFOR',
  'BUILD_USER_ID',
  'CI_COMMIT_AUTHOR',
] as const;

/** Who asks for a build: as the CI system says, else the user of this machine. `local` is how that one is named. */
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
    // A container may run as a number that has no name.
    if (errorCode(error) !== undefined) {
      return `uid ${process.getuid?.() ?? 'unknown'}`;
    }
    throw error;
  }
}
