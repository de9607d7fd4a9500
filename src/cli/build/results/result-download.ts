import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { MasterClient } from '../../../client/master-client.js';
import { deferred } from '../../../lib/async/deferred.js';
import { type DirectoryLock, lockFreeDirectory, tryLockDirectory } from '../../../lib/fs/directory-lock.js';
import { removeTree } from '../../../lib/fs/remove-tree.js';
import type { Logger } from '../../../lib/logger.js';
import type { Build } from '../../../protocol/build/build.js';
import { messageOf } from '../../../protocol/errors.js';
import type { BuildId } from '../../../protocol/ids.js';
import { completeResults, type FetchOptions, fetchResults } from './fetch-results.js';
import { oldBeside, placeBeside, replaceableFolder, type Unpacked, unpackResults } from './unpack-results.js';

/** In a command's folder. */
const RESULTS = 'results';

export interface DownloadOptions extends FetchOptions {
  /** What the results are to replace; see replaceableFolder. */
  readonly target: string;
  /** Folders of commands that wait for their results: not beside `target`, where the tests of a build may look. */
  readonly root: string;
  readonly log: Logger;
}

/** The results of a build that runs: what has arrived is fetched and unpacked while the rest is built. */
export interface ResultDownload {
  /**
   * When the build has ended: puts them at `target` with their JUnit report. Answers as fetchResults does, and fetches
   * them from their beginning if they could not be had while it ran.
   * @throws as fetchResults
   */
  take(build: Build): Promise<Unpacked>;
  /** Nobody wants them, or they are taken. Resolves when nothing of them is left but at `target`. */
  drop(): Promise<void>;
}

export function resultsOf(client: MasterClient, build: BuildId, options: DownloadOptions): ResultDownload {
  const { signal, onProgress, log, target } = options;
  const dropped = new AbortController();
  const ended = deferred<Build>();
  const early = fetchEarly(client, build, ended.promise, {
    ...options,
    signal: AbortSignal.any([signal, dropped.signal]),
  });
  // Asked for when the build has ended, or not at all.
  early.catch(() => undefined);
  ended.promise.catch(() => undefined);
  return {
    async take(result) {
      ended.resolve(result);
      try {
        return await early;
      } catch (error) {
        signal.throwIfAborted();
        log.debug(`The results could not be fetched while the build ran: ${messageOf(error)}`);
        return fetchResults(client, result, target, { signal, ...(onProgress ? { onProgress } : {}) });
      }
    },
    async drop() {
      dropped.abort(new Error('Nobody waits for these results.'));
      ended.reject(dropped.signal.reason);
      await early.catch(() => undefined);
    },
  };
}

async function fetchEarly(
  client: MasterClient,
  id: BuildId,
  ended: Promise<Build>,
  { target, root, signal, onProgress, log }: DownloadOptions,
): Promise<Unpacked> {
  const claim = lockFreeDirectory(root, 'build');
  const fresh = join(claim.path, RESULTS);
  let isEnded = false;
  ended.then(
    () => {
      isEnded = true;
    },
    () => undefined,
  );
  try {
    await removeLeftovers(claim.path);
    await removeOthersLeftovers(root, claim.path, log);
    requireSameFileSystem(claim, target);
    const { stream } = await client.followArtifacts(id, { signal });
    return await unpackResults(stream, target, {
      signal,
      fresh,
      requiresEndMark: true,
      onProgress: (bytes) => (isEnded ? onProgress?.(bytes, null) : undefined),
      complete: async (directory) => completeResults(client, await ended, directory, signal),
    });
  } finally {
    claim.release();
  }
}

/** Of a command that was killed. */
async function removeLeftovers(directory: string): Promise<void> {
  const fresh = join(directory, RESULTS);
  await removeTree(fresh);
  await removeTree(oldBeside(fresh));
}

/** When so many commands run at once again nobody knows, and there may be much in their folders. */
async function removeOthersLeftovers(root: string, own: string, log: Logger): Promise<void> {
  for (const path of readdirSync(root).map((name) => join(root, name))) {
    const fresh = join(path, RESULTS);
    if (path === own || !(existsSync(fresh) || existsSync(oldBeside(fresh)))) {
      continue;
    }
    try {
      const claim = tryLockDirectory(path);
      if (claim !== null) {
        await removeLeftovers(path).finally(() => claim.release());
      }
    } catch (error) {
      log.debug(`What an earlier command left in ${path} could not be removed: ${messageOf(error)}`);
    }
  }
}

/** @throws the file system's error where what is unpacked in the one folder cannot be moved to the other */
function requireSameFileSystem({ path }: DirectoryLock, target: string): void {
  const here = join(path, 'moved');
  const there = placeBeside(replaceableFolder(target));
  mkdirSync(here, { recursive: true });
  renameSync(here, there);
  rmdirSync(there);
}
