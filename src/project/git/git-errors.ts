import { hasCode } from '../../lib/error-code.js';
import { maskCredentials } from '../../lib/text/mask-credentials.js';
import { textEnd } from '../../lib/text/text-ends.js';
import type { ProgramResult } from '../../process/run-program.js';
import { ClusterRunnerError, messageOf } from '../../protocol/errors.js';

const MAX_QUOTED = 600;

/** A mirror that git cannot work with; creating it again may help. */
export class DamagedMirrorError extends ClusterRunnerError {}

/** The disk of this slave is full: another slave may have space, or this one later. */
export class DiskFullError extends ClusterRunnerError {
  /** `problem` says what could not be done, without a period. */
  constructor(problem: string, cause: unknown) {
    const message = `${problem}, because the disk of this slave is full; free space where its base_directory is (${messageOf(cause)}).`;
    super('UNAVAILABLE', message, { cause });
  }
}

/** Whether an error of the file system means that the disk is full. */
export function isDiskFull(error: unknown): boolean {
  return hasCode(error, 'ENOSPC', 'EDQUOT');
}

/** Excludes messages of the server about its own disk. */
const DISK_FULL = /^(?!remote:).*(No space left on device|Out of diskspace|Disk quota exceeded)/im;

/** Messages of git about a repository that is damaged, or that a killed git has left locked. */
const DAMAGE =
  /not a git repository|\bcorrupt|bad object|bad config|bad (index|signature)|invalid object|object file .* is empty|unable to read (tree|sha1)|unable to (find|parse|read) |missing (blob|tree|commit)|inflate|packfile .* (cannot|does not)|did not send all necessary objects|unresolved deltas|\.lock': File exists|shallow\.lock|invalid sha1 pointer|fatal: bad revision|unexpected line in|packed-refs/i;

/** Problems of the server or the connection: the mirror is not to blame. */
const REMOTE_PROBLEM =
  /Could not read from remote|does not appear to be a git repository|remote error|unable to access/i;

/** Whether the messages of git show damage of the local repository. */
export function isDamagedRepository(stderr: string): boolean {
  const here = stderr
    .split('\n')
    .filter((line) => !/^remote:|on the remote side|upload-pack/.test(line))
    .join('\n');
  return DAMAGE.test(here) && !REMOTE_PROBLEM.test(stderr);
}

/** The error for a failed fetch from `url`. */
export function fetchError(url: string, result: ProgramResult): ClusterRunnerError {
  return gitError(`${reasonOf(maskCredentials(url), result)}`, result);
}

/** The error for a failed git command: `problem` without a period, then the end of git's own messages, without credentials. */
export function gitError(problem: string, result: ProgramResult): ClusterRunnerError {
  const said = quote(result.stderr);
  if (DISK_FULL.test(result.stderr)) {
    return new DiskFullError(problem, new Error(`git said: ${said}`));
  }
  const text = said === '' ? `${problem}.` : `${problem} (git said: ${said}).`;
  return isDamagedRepository(result.stderr)
    ? new DamagedMirrorError('PREPARATION_FAILED', text)
    : new ClusterRunnerError('PREPARATION_FAILED', text);
}

function reasonOf(url: string, { ended, stderr }: ProgramResult): string {
  const repository = `The git repository ${url}`;
  if (ended === 'timedOut') {
    return `${repository} was not fetched within an hour; check the network of this machine`;
  }
  if (/dubious ownership/i.test(stderr)) {
    return `${repository} belongs to another user than the one who runs the slave; run \`git config --global --add safe.directory\` with its folder as that user`;
  }
  if (/lazy fetching disabled|from promisor remote/i.test(stderr)) {
    return `${repository} is a partial clone that does not have all of its files; name the repository that it was cloned from`;
  }
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED/i.test(stderr)) {
    return `The host of ${url} has another key than this machine knows it by; if that is right, take the old one out of known_hosts`;
  }
  if (/Host key verification failed/i.test(stderr)) {
    return `The host of ${url} is not known to this machine; add its key to known_hosts, or set git_strict_host_key_checking to false`;
  }
  if (
    /could not read (Username|Password)|Authentication failed|Permission denied|access denied|returned error: 40[13]/i.test(
      stderr,
    )
  ) {
    return `${repository} may not be read from this machine; give this machine a key or a credential helper for it`;
  }
  if (
    /does not appear to be a git repository|repository .*not found|does not exist|no such file/i.test(stderr)
  ) {
    return `${repository} does not exist, or may not be read from this machine; check the URL`;
  }
  if (
    /Could not resolve|Connection (refused|timed out|reset)|Failed to connect|No route to host|unable to (connect|look up|access)/i.test(
      stderr,
    )
  ) {
    return `${repository} cannot be reached from this machine; check the URL and the network`;
  }
  return `${repository} could not be fetched`;
}

/** Joins the last lines, so that an error message stays one line. */
function quote(stderr: string): string {
  const lines = maskCredentials(stderr)
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return textEnd(lines.slice(-6).join('; '), MAX_QUOTED).replace(/\.$/, '');
}
