import { insideName } from '../../lib/fs/inside-name.js';
import { maskCredentials } from '../../lib/text/mask-credentials.js';
import type { GitProject, SnapshotProject } from '../../protocol/build/project.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { credentialsProblem } from './git-credentials.js';

/** What git may use; ext:: and fd:: run programs of the URL's choice. */
export const GIT_PROTOCOLS = ['file', 'git', 'http', 'https', 'ssh'] as const;

/** Of its submodules: a project of another machine has no business with the files of this one. */
export function submoduleProtocols(url: string | null): readonly string[] {
  return url !== null && isHere(url)
    ? GIT_PROTOCOLS
    : GIT_PROTOCOLS.filter((protocol) => protocol !== 'file');
}

/** Whether a project of the URL `project` may have a submodule of `url`, as far as the text of `url` says. */
export function isAllowedInSubmodules(url: string, project: string | null): boolean {
  return !isHere(url) || (project !== null && isHere(project));
}

/** A file of this machine. */
function isHere(url: string): boolean {
  return /^(file:\/\/|\/)/i.test(url);
}

/**
 * Refuses what git would take for an option, a program to run or several refs, before any git is started.
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

/** The folder in its shortest form; '.' for the top of the repository; null when it is not in it. */
export function insideFolder(folder: string): string | null {
  const bare = folder.replace(/\/+$/, '');
  if (folder === '' || (bare !== '' && /^(\.\/*)+$/.test(bare) && !bare.includes('..'))) {
    return '.';
  }
  return insideName(bare);
}

/** Whether every slave could use the URL. */
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
  // What is left is a path on this machine or `host:path`; a relative path would mean another place on each slave.
  if (scheme === undefined && !url.startsWith('/') && !/^[^/]+:/.test(url)) {
    throw refused(`"${shown}" is not an absolute URL or path; slaves do not know the folder it starts from.`);
  }
}

/** The rules of git-check-ref-format(1) that keep a name from meaning more than one ref, or an option. */
function isRefName(name: string): boolean {
  return (
    !/[\0-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\.lock$|[./]$|^[-/+.]/.test(name) && name !== '@' && name !== ''
  );
}

function refused(sentence: string): ClusterRunnerError {
  return new ClusterRunnerError('PREPARATION_FAILED', sentence);
}
