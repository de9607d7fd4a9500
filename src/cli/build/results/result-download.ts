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
import { completeResults, type FetchOptions, fetchResults, reportAlone } from './fetch-results.js';
import { oldBeside, placeBeside, replaceableFolder, type Unpacked, unpackResults } from './unpack-results.js';

/** The results within a command's folder. */
const RESULTS = 'results';

export interface ResultDownloadOptions extends FetchOptions {
  /** Folder for downloads of running builds; not beside their place, where the tests of a build may look. */
  readonly root: string;
  readonly log: Logger;
}

/** Fetches and unpacks the results of a running build as they arrive. */
export interface ResultDownload {
  /**
   * To be called when the build has ended: puts the results at their place, with their reports. If the download while it
   * ran has failed, it fetches them from the beginning. Resolves as fetchResults.
   * @throws as fetchResults
   */
  take(build: Build): Promise<Unpacked>;
  /** To be called instead when the build has ended without results: as reportAlone. */
  reportAlone(build: Build): Promise<boolean>;
  /** To be called when the results are taken or not wanted. Resolves when nothing of them is left but at their place. */
  drop(): Promise<void>;
}

export function startResultDownload(
  client: MasterClient,
  build: BuildId,
  options: ResultDownloadOptions,
): ResultDownload {
  const { signal, log } = options;
  const dropped = new AbortController();
  const ended = deferred<Build>();
  const early = fetchEarly(client, build, ended.promise, {
    ...options,
    signal: AbortSignal.any([signal, dropped.signal]),
  });
  // Awaited when the build has ended, or not at all.
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
        return fetchResults(client, result, options);
      }
    },
    reportAlone: (result) => reportAlone(client, result, options),
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
  options: ResultDownloadOptions,
): Promise<Unpacked> {
  const { place, root, signal, onProgress, log } = options;
  const target = place.directory;
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
      complete: async (directory) => completeResults(client, await ended, directory, options),
    });
  } finally {
    claim.release();
  }
}

/** Removes what a killed command has left. */
async function removeLeftovers(directory: string): Promise<void> {
  const fresh = join(directory, RESULTS);
  await removeTree(fresh);
  await removeTree(oldBeside(fresh));
}

/** Removes what killed commands have left in their folders, which may not be used again for long. */
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

/** @throws the file system's error when a folder cannot be moved from the one place to the other */
function requireSameFileSystem({ path }: DirectoryLock, target: string): void {
  const here = join(path, 'moved');
  const there = placeBeside(replaceableFolder(target));
  mkdirSync(here, { recursive: true });
  renameSync(here, there);
  rmdirSync(there);
}
