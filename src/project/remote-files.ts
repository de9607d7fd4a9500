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
/** What passes by itself mostly does within seconds; a build should not wait for what does not. */
const ATTEMPTS = 4;
const BACKOFF = { firstMs: 500, maxMs: 8_000 };

export interface RemoteFileLimits {
  /** Of each file. */
  readonly remoteFileMaxBytes: number;
  /** Seconds, for all files of a build together. */
  readonly remoteFilesTimeout: number;
}

export interface DownloadOptions {
  readonly limits: RemoteFileLimits;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** In [0, 1), for the jitter between attempts. */
  readonly random: () => number;
}

/** A download that may go well when it is tried again. */
class PassingFailure extends ClusterRunnerError {}

/**
 * Downloads the files into `folder`, one after another; each appears under its name only when it is whole. What may
 * pass by itself (no connection, one that broke off, 408, 429, 5xx) is tried up to four times.
 * @throws ClusterRunnerError PREPARATION_FAILED; the reason of `signal` when it is aborted
 */
export async function downloadRemoteFiles(
  files: readonly RemoteFile[],
  folder: string,
  options: DownloadOptions,
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
      const path = await placeOf(file, folder);
      await untilWhole(file, path, agent, { ...options, signal: time.signal }).catch((error: unknown) => {
        signal.throwIfAborted();
        throw time.isOver
          ? failure(
              file,
              `the downloads took longer than ${limits.remoteFilesTimeout} s, which remote_files_timeout says`,
            )
          : error;
      });
    }
  } finally {
    time.end();
    await agent.destroy();
  }
}

async function untilWhole(
  file: RemoteFile,
  path: string,
  agent: Agent,
  { limits, signal, clock, random }: DownloadOptions,
): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await download(file, path, agent, limits.remoteFileMaxBytes, signal);
      return;
    } catch (error) {
      if (!(error instanceof PassingFailure) || attempt + 1 >= ATTEMPTS) {
        throw error;
      }
      await clock.sleep(backoffDelay(attempt, BACKOFF, random()), signal);
    }
  }
}

/** The path to write; its folder is there, and no link leads out of `folder`. */
async function placeOf(file: RemoteFile, folder: string): Promise<string> {
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
  // A link to a folder that is not there looks like nothing until its folder is made.
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
    const answer = await request(withoutCredentials(url), {
      signal,
      headers: authorization(url),
      dispatcher: agent.compose(interceptors.redirect({ maxRedirections: MAX_REDIRECTIONS })),
    });
    // Until it is read to its end, what goes wrong with it is told to whoever reads it, if anybody does.
    answer.body.on('error', () => answer.body.destroy());
    const problem = problemOf(answer.statusCode, Number(answer.headers['content-length'] ?? 0), maxBytes);
    if (problem !== null) {
      answer.body.destroy();
      const isPassing = answer.statusCode >= 500 || [408, 429].includes(answer.statusCode);
      throw isPassing ? passing(file, problem) : failure(file, problem);
    }
    // A stream that opens its file by itself may do so after a failure, and bring back what was removed.
    const target = await open(part, 'wx');
    await pipeline(answer.body, (chunks) => atMost(chunks, maxBytes, file), target.createWriteStream(), {
      signal,
    });
    // Takes the place of a link, does not follow it.
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    if (error instanceof ClusterRunnerError) {
      throw error;
    }
    if (isDiskFull(error)) {
      throw new DiskFullError(`The remote file ${file.name} could not be kept`, error);
    }
    throw isOfThisDisk(error) ? failure(file, reason(error), error) : passing(file, reason(error), error);
  }
}

function problemOf(status: number, bytes: number, maxBytes: number): string | null {
  if (status < 200 || status > 299) {
    return `its server answered ${status}; check the address`;
  }
  return bytes > maxBytes ? tooLarge(maxBytes) : null;
}

function tooLarge(maxBytes: number): string {
  return `it has more than ${maxBytes / 1024 ** 2} MiB, which remote_file_max_mib allows`;
}

/** The server need not say beforehand how much it sends, nor tell the truth. */
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

function isOfThisDisk(error: unknown): boolean {
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
  return new ClusterRunnerError('PREPARATION_FAILED', sentence(file, why), { cause });
}

function passing(file: RemoteFile, why: string, cause?: unknown): PassingFailure {
  return new PassingFailure('PREPARATION_FAILED', sentence(file, why), { cause });
}

function sentence(file: RemoteFile, why: string): string {
  return `The remote file ${file.name} could not be downloaded from ${maskCredentials(file.uri)}: ${maskCredentials(why)}.`;
}
