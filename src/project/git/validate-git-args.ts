import { insideName } from '../../lib/fs/inside-name.js';
import { maskCredentials } from '../../lib/text/mask-credentials.js';
import type { GitProject, SnapshotProject } from '../../protocol/build/project.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { credentialsProblem } from './git-credentials.js';

/** The allowed protocols. Others, such as ext:: and fd::, run programs that the URL names. */
export const GIT_PROTOCOLS = ['file', 'git', 'http', 'https', 'ssh'] as const;

/** The protocols for submodules: a project from another machine must not access files of this one. */
export function submoduleProtocols(url: string | null): readonly string[] {
  return url !== null && isLocal(url)
    ? GIT_PROTOCOLS
    : GIT_PROTOCOLS.filter((protocol) => protocol !== 'file');
}

/** Whether a project with the URL `project` may have a submodule with `url`, judging by the text of `url`. */
export function isAllowedInSubmodules(url: string, project: string | null): boolean {
  return !isLocal(url) || (project !== null && isLocal(project));
}

/** Whether the URL names a file of this machine. */
function isLocal(url: string): boolean {
  return /^(file:\/\/|\/)/i.test(url);
}

/**
 * Refuses arguments that git could take for an option, a program to run or several refs, before git is started.
 * @throws ClusterRunnerError PREPARATION_FAILED
 */
export function validateGitArgs(project: GitProject | SnapshotProject): void {
  if (project.url !== null) {
    checkUrl(project.url);
  }
  if (project.type === 'git') {
    checkRefs(project);
  }
  if (project.project_directory !== null && insideFolder(project.project_directory) === null) {
    throw refused(
      `The project directory "${project.project_directory}" is not in the repository; give a path relative to its top, without "..".`,
    );
  }
}

function checkRefs(project: GitProject): void {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(project.remote) || project.remote.includes('..')) {
    throw refused(
      `"${project.remote}" cannot be the name of a git remote; use letters, digits, "_" and "-".`,
    );
  }
  if (project.branch !== null && !isRefName(project.branch)) {
    throw refused(
      `"${project.branch}" cannot be a git ref; give the name of a branch, a tag or another ref.`,
    );
  }
  if (project.hash !== null && !/^[0-9a-f]{4,64}$/i.test(project.hash)) {
    throw refused(`"${project.hash}" is not the hash of a commit; give its hexadecimal digits.`);
  }
}

/** The normalized folder, '.' for the top of the repository; null when it is outside. */
export function insideFolder(folder: string): string | null {
  const bare = folder.replace(/\/+$/, '');
  if (folder === '' || (bare !== '' && /^(\.\/*)+$/.test(bare) && !bare.includes('..'))) {
    return '.';
  }
  return insideName(bare);
}

/** Whether checkUrl accepts the URL. */
export function isUsableUrl(url: string): boolean {
  try {
    checkUrl(url);
    return true;
  } catch (error) {
    if (error instanceof ClusterRunnerError) {
      return false;
    }
    throw error;
  }
}

/** @throws ClusterRunnerError PREPARATION_FAILED, see validateGitArgs */
export function checkUrl(url: string): void {
  const shown = maskCredentials(url);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (url.startsWith('-') || /[\0-\x1f\x7f]/.test(url)) {
    throw refused(`"${shown}" cannot be the URL of a git repository.`);
  }
  const problem = credentialsProblem(url);
  if (problem !== null) {
    throw refused(`The URL "${shown}" ${problem}.`);
  }
  const scheme = /^([A-Za-z0-9+.-]+):\/\//.exec(url)?.[1]?.toLowerCase();
  const helper = /^[A-Za-z0-9+.-]+::/.test(url);
  if (helper || (scheme !== undefined && !GIT_PROTOCOLS.some((known) => known === scheme))) {
    throw refused(`"${shown}" uses a protocol that is not allowed; use one of ${GIT_PROTOCOLS.join(', ')}.`);
  }
  // The rest are absolute paths and `host:path`; a relative path would be another folder on each slave.
  if (scheme === undefined && !url.startsWith('/') && !/^[^/]+:/.test(url)) {
    throw refused(`"${shown}" is not an absolute URL or path; slaves do not know the folder it starts from.`);
  }
}

/** The rules of git-check-ref-format(1) that keep a name from standing for several refs, or an option. */
function isRefName(name: string): boolean {
  return (
    !/[\0-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\.lock$|[./]$|^[-/+.]/.test(name) && name !== '@' && name !== ''
  );
}

function refused(message: string): ClusterRunnerError {
  return new ClusterRunnerError('PREPARATION_FAILED', message);
}
