import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Agent, interceptors, request } from 'undici';
import { backoffDelay } from '../lib/async/backoff.js';
import { TimeLimit } from '../lib/async/time-limit.js';
import type { Clock } from '../lib/clock.js';
import { errorCode, hasCode } from '../lib/error-code.js';
import { insideName } from '../lib/fs/inside-name.js';
import { maskCredentials } from '../lib/text/mask-credentials.js';
import { textStart } from '../lib/text/text-ends.js';
import type { RemoteFile } from '../protocol/build/project.js';
import { ClusterRunnerError, messageOf } from '../protocol/errors.js';
import { DiskFullError, isDiskFull } from './git/git-errors.js';
import { deepestExisting, isFolder, isReallyInside } from './workspace/path-containment.js';

const SILENCE_MS = 60_000;
const MAX_REDIRECTIONS = 5;
/** A temporary problem mostly passes within seconds; a build should not wait longer. */
const ATTEMPTS = 4;
const BACKOFF = { firstMs: 500, maxMs: 8_000 };

export interface RemoteFileLimits {
  /** Limit for each file. */
  readonly remoteFileMaxBytes: number;
  /** Seconds, for all files of a build together. */
  readonly remoteFilesTimeout: number;
}

export interface RemoteFileOptions {
  readonly limits: RemoteFileLimits;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** In [0, 1), for the jitter between attempts. */
  readonly random: () => number;
}

/** A download that may succeed when it is tried again. */
class TemporaryFailure extends ClusterRunnerError {}

/**
 * Downloads the files into `folder`, one after another; each appears under its name when it is complete. Temporary problems (no
 * connection, a lost connection, 408, 429, 5xx) are tried up to four times.
 * @throws ClusterRunnerError PREPARATION_FAILED; the reason of `signal` when it is aborted
 */
export async function downloadRemoteFiles(
  files: readonly RemoteFile[],
  folder: string,
  options: RemoteFileOptions,
): Promise<void> {
  if (files.length === 0) {
    return;
  }
  const { clock, limits, signal } = options;
  const time = new TimeLimit(clock, limits.remoteFilesTimeout, signal);
  const agent = new Agent({
    connect: { timeout: 30_000 },
    headersTimeout: SILENCE_MS,
    bodyTimeout: SILENCE_MS,
  });
  try {
    for (const file of files) {
      const path = await preparePath(file, folder);
      await downloadWithRetries(file, path, agent, { ...options, signal: time.signal }).catch(
        (error: unknown) => {
          signal.throwIfAborted();
          throw time.isOver
            ? failure(
                file,
                `the downloads took longer than ${limits.remoteFilesTimeout} s (remote_files_timeout)`,
              )
            : error;
        },
      );
    }
  } finally {
    time.end();
    await agent.destroy();
  }
}

async function downloadWithRetries(
  file: RemoteFile,
  path: string,
  agent: Agent,
  { limits, signal, clock, random }: RemoteFileOptions,
): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await download(file, path, agent, limits.remoteFileMaxBytes, signal);
      return;
    } catch (error) {
      if (!(error instanceof TemporaryFailure) || attempt + 1 >= ATTEMPTS) {
        throw error;
      }
      await clock.sleep(backoffDelay(attempt, BACKOFF, random()), signal);
    }
  }
}

/** Returns the path to write. Creates its folder, and makes sure that no link leads out of `folder`. */
async function preparePath(file: RemoteFile, folder: string): Promise<string> {
  const name = insideName(file.name);
  if (name === null || !(await isReallyInside(folder, await deepestExisting(folder, dirname(name))))) {
    throw failure(file, 'its name leads out of the workspace; give a path inside it');
  }
  const path = join(folder, name);
  try {
    await mkdir(dirname(path), { recursive: true });
  } catch (error) {
    throw failure(file, messageOf(error), error);
  }
  // A dangling link becomes visible when its target folder is created.
  if (!(await isReallyInside(folder, dirname(path)))) {
    throw failure(file, 'its name leads out of the workspace; give a path inside it');
  }
  if (await isFolder(path)) {
    throw failure(file, 'a folder of that name is in the workspace; give another name');
  }
  return path;
}

async function download(
  file: RemoteFile,
  path: string,
  agent: Agent,
  maxBytes: number,
  signal: AbortSignal,
): Promise<void> {
  const part = join(dirname(path), `.${textStart(basename(path), 60)}.${randomUUID()}.part`);
  try {
    const url = new URL(file.uri);
    const response = await request(withoutCredentials(url), {
      signal,
      headers: authorization(url),
      dispatcher: agent.compose(interceptors.redirect({ maxRedirections: MAX_REDIRECTIONS })),
    });
    // An error of a body that nobody reads must not be unhandled.
    response.body.on('error', () => response.body.destroy());
    const problem = problemOf(response.statusCode, Number(response.headers['content-length'] ?? 0), maxBytes);
    if (problem !== null) {
      response.body.destroy();
      const isTemporary = response.statusCode >= 500 || [408, 429].includes(response.statusCode);
      throw isTemporary ? temporaryFailure(file, problem) : failure(file, problem);
    }
    // A stream that opens its file itself may do so after a failure, and create again what was removed.
    const target = await open(part, 'wx');
    await pipeline(response.body, (chunks) => atMost(chunks, maxBytes, file), target.createWriteStream(), {
      signal,
    });
    // Replaces a link, and does not follow it.
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    if (error instanceof ClusterRunnerError) {
      throw error;
    }
    if (isDiskFull(error)) {
      throw new DiskFullError(`The remote file ${file.name} could not be written`, error);
    }
    throw isLocalError(error)
      ? failure(file, reason(error), error)
      : temporaryFailure(file, reason(error), error);
  }
}

function problemOf(status: number, bytes: number, maxBytes: number): string | null {
  if (status < 200 || status > 299) {
    return `its server responded with ${status}; check the address`;
  }
  return bytes > maxBytes ? tooLarge(maxBytes) : null;
}

function tooLarge(maxBytes: number): string {
  return `it has more than the ${maxBytes / 1024 ** 2} MiB that remote_file_max_mib allows`;
}

/** Content-Length may be missing or wrong. */
async function* atMost(chunks: AsyncIterable<Buffer>, maxBytes: number, file: RemoteFile) {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      throw failure(file, tooLarge(maxBytes));
    }
    yield chunk;
  }
}

function isLocalError(error: unknown): boolean {
  return hasCode(error, 'EFBIG', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'ENAMETOOLONG');
}

/** A failed connection to a name with several addresses is an AggregateError, whose message is empty. */
function reason(error: unknown): string {
  return messageOf(error) || String(errorCode(error) ?? '');
}

function withoutCredentials(url: URL): string {
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  return bare.href;
}

function authorization(url: URL): Record<string, string> {
  if (url.username === '' && url.password === '') {
    return {};
  }
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

function failure(file: RemoteFile, why: string, cause?: unknown): ClusterRunnerError {
  return new ClusterRunnerError('PREPARATION_FAILED', messageFor(file, why), { cause });
}

function temporaryFailure(file: RemoteFile, why: string, cause?: unknown): TemporaryFailure {
  return new TemporaryFailure('PREPARATION_FAILED', messageFor(file, why), { cause });
}

function messageFor(file: RemoteFile, why: string): string {
  return `The remote file ${file.name} could not be downloaded from ${maskCredentials(file.uri)}: ${maskCredentials(why)}.`;
}
