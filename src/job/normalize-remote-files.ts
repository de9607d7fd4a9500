import { insideName } from '../lib/fs/inside-name.js';
import { maskCredentials } from '../lib/text/mask-credentials.js';
import type { RemoteFile } from '../protocol/build/project.js';
import { ClusterRunnerError } from '../protocol/errors.js';

/**
 * The files of a request's `remote_files`, with normalized names. The API maps URIs to names, but existing clients send
 * names to URIs too: the side that is an absolute http(s) URI is the URI.
 * @throws ClusterRunnerError INVALID_REQUEST when both sides or neither are one, a name leaves the workspace, or
 *   two files have the same name.
 */
export function normalizeRemoteFiles(record: Readonly<Record<string, string>>): RemoteFile[] {
  const byName = new Map<string, RemoteFile>();
  for (const [key, value] of Object.entries(record)) {
    const file = fileOf(key, value);
    if (byName.has(file.name)) {
      throw invalid(`two files are to be named ${file.name}; give each its own name.`);
    }
    byName.set(file.name, file);
  }
  return [...byName.values()];
}

function fileOf(key: string, value: string): RemoteFile {
  const keyIsUri = isHttpUri(key);
  const pair = `"${maskCredentials(key)}": "${maskCredentials(value)}"`;
  if (keyIsUri === isHttpUri(value)) {
    throw invalid(
      `of ${pair} ${keyIsUri ? 'both sides are' : 'neither side is'} an absolute http(s) URI; exactly one must be, and the other is the file's name.`,
    );
  }
  const [uri, given] = keyIsUri ? [key, value] : [value, key];
  const name = insideName(given);
  if (name === null) {
    throw invalid(
      `the file name in ${pair} does not stay in the workspace; give a relative path without "..".`,
    );
  }
  return { uri, name };
}

function isHttpUri(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}

function invalid(what: string): ClusterRunnerError {
  return new ClusterRunnerError('INVALID_REQUEST', `remote_files: ${what}`);
}
