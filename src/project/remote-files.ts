import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Agent, interceptors, request } from 'undici';
import type { Clock } from '../lib/clock.js';
import { insideName } from '../lib/inside-name.js';
import { maskCredentials } from '../lib/mask-credentials.js';
import { ClusterRunnerError, messageOf } from '../protocol/errors.js';
import type { RemoteFile } from '../protocol/project.js';
import { deepestExisting, isFolder, isReallyInside } from './inside-workspace.js';

/** For all files of a build together. */
const TIMEOUT_MS = 10 * 60_000;
const SILENCE_MS = 60_000;
const MAX_REDIRECTIONS = 5;

/**
 * Downloads the files into `folder`, one after another; each appears under its name only when it is whole.
 * @throws ClusterRunnerError PREPARATION_FAILED; the reason of `signal` when it is aborted
 */
export async function downloadRemoteFiles(
  files: readonly RemoteFile[],
  folder: string,
  signal: AbortSignal,
  clock: Clock,
): Promise<void> {
  if (files.length === 0) {
    return;
  }
  const over = new AbortController();
  const late = new AbortController();
  const timer = clock.sleep(TIMEOUT_MS, over.signal).then(
    () => late.abort(),
    (error: unknown) => {
      if (!over.signal.aborted) {
        throw error;
      }
    },
  );
  const agent = new Agent({
    connect: { timeout: 30_000 },
    headersTimeout: SILENCE_MS,
    bodyTimeout: SILENCE_MS,
  });
  try {
    for (const file of files) {
      await download(file, await placeOf(file, folder), agent, AbortSignal.any([signal, late.signal])).catch(
        (error: unknown) => {
          signal.throwIfAborted();
          throw late.signal.aborted ? failure(file, 'the downloads took longer than ten minutes') : error;
        },
      );
    }
  } finally {
    over.abort();
    await timer;
    await agent.destroy();
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

async function download(file: RemoteFile, path: string, agent: Agent, signal: AbortSignal): Promise<void> {
  const part = join(dirname(path), `.${basename(path).slice(0, 100)}.${randomUUID()}.part`);
  try {
    const url = new URL(file.uri);
    const answer = await request(withoutCredentials(url), {
      signal,
      headers: authorization(url),
      dispatcher: agent.compose(interceptors.redirect({ maxRedirections: MAX_REDIRECTIONS })),
    });
    // Until it is read to its end, what goes wrong with it is told to whoever reads it, if anybody does.
    answer.body.on('error', () => answer.body.destroy());
    if (answer.statusCode < 200 || answer.statusCode > 299) {
      answer.body.destroy();
      throw failure(file, `its server answered ${answer.statusCode}; check the address`);
    }
    // A stream that opens its file by itself may do so after a failure, and bring back what was removed.
    const target = await open(part, 'wx');
    await pipeline(answer.body, target.createWriteStream(), { signal });
    // Takes the place of a link, does not follow it.
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error instanceof ClusterRunnerError ? error : failure(file, reason(error), error);
  }
}

/** A failed connection to a name with several addresses is an AggregateError, whose message is empty. */
function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return messageOf(error) || code;
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
  return new ClusterRunnerError(
    'PREPARATION_FAILED',
    `The remote file ${file.name} could not be downloaded from ${maskCredentials(file.uri)}: ${maskCredentials(why)}.`,
    { cause },
  );
}
