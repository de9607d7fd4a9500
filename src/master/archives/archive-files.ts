import { closeSync, fsync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Flusher } from '../../lib/async/flusher.js';
import { hasCode, ifPresent } from '../../lib/error-code.js';
import type { BuildId } from '../../protocol/ids.js';
import { entryListPath } from './entry-list-format.js';
import { keeping } from './incoming/on-disk.js';

const flush = promisify(fsync);
const onDisk = keeping('the result', 'fix that, it will be delivered again');

const SUFFIX = '.tar.gz';
const KEPT = '.kept';

/** The path of the archive of a subjob. */
export function archivePath(resultsDirectory: string, build: BuildId, subjob: number): string {
  return join(resultsDirectory, String(build), subjob + SUFFIX);
}

/** The path of the archive that the master makes of verdicts without a delivered result; a slave's may be beside it. */
export function keptArchivePath(resultsDirectory: string, build: BuildId, subjob: number): string {
  return join(resultsDirectory, String(build), `${subjob}${KEPT}${SUFFIX}`);
}

/** The subjob of an archive. */
export function subjobOfArchive(path: string): string {
  return basename(path).slice(0, -SUFFIX.length).replace(KEPT, '');
}

/** Bytes of all archives of a build. Synchronous, so that a hundred thousand take less than a second. */
export function archiveBytes(resultsDirectory: string, build: BuildId): number {
  const folder = join(resultsDirectory, String(build));
  const archives = namesIn(folder).filter((name) => name.endsWith(SUFFIX));
  return archives.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

/** A build has no folder before its first result. */
function namesIn(folder: string): string[] {
  return ifPresent(() => readdirSync(folder)) ?? [];
}

/** Moves archives to their places. Concurrent ones of one folder share its flush to the disk. */
export class ArchiveKeeper {
  readonly #flushers = new Map<string, { readonly flusher: Flusher; users: number }>();

  /**
   * Moves an archive, whose bytes are on the disk already, to its place, so that it survives a power cut: the slave deletes
   * its copy once the result is acknowledged. The list of entries, null for none, replaces an earlier one.
   * @throws ClusterRunnerError UNAVAILABLE when the disk does not take it
   */
  async keep(temporaryPath: string, temporaryList: string | null, path: string): Promise<void> {
    const listPath = entryListPath(path);
    await onDisk(async () => {
      // The list of another archive is never beside this one: a crash leaves no list at worst.
      rmSync(listPath, { force: true });
      await this.#move(temporaryPath, path);
      if (temporaryList !== null) {
        renameSync(temporaryList, listPath);
      }
      await this.#flush(dirname(path));
    });
  }

  /** The folder exists for all but the first archive of a build. Synchronous, since the thread pool would take longer. */
  async #move(from: string, to: string): Promise<void> {
    try {
      renameSync(from, to);
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) {
        throw error;
      }
      await mkdir(dirname(to), { recursive: true, mode: 0o700 });
      await this.#flush(dirname(dirname(to)));
      renameSync(from, to);
    }
  }

  async #flush(folder: string): Promise<void> {
    const known = this.#flushers.get(folder) ?? { flusher: new Flusher(() => sync(folder)), users: 0 };
    this.#flushers.set(folder, known);
    known.users += 1;
    try {
      await known.flusher.flush();
    } finally {
      known.users -= 1;
      if (known.users === 0) {
        this.#flushers.delete(folder);
      }
    }
  }
}

async function sync(path: string): Promise<void> {
  const file = openSync(path, 'r');
  try {
    await flush(file);
  } finally {
    closeSync(file);
  }
}
