import { closeSync, fsync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Flusher } from '../../lib/async/flusher.js';
import { hasCode, ifPresent } from '../../lib/error-code.js';
import { ClusterRunnerError, reasonWithoutPaths } from '../../protocol/errors.js';
import type { BuildId } from '../../protocol/ids.js';
import { entryListPath } from './entry-list.js';

const flush = promisify(fsync);

const SUFFIX = '.tar.gz';
const KEPT = '.kept';

/** Where the archive of a subjob is kept. */
export function archivePath(resultsDirectory: string, build: BuildId, subjob: number): string {
  return join(resultsDirectory, String(build), subjob + SUFFIX);
}

/** Where the archive is that the master makes of what nobody delivered of a subjob; beside it there may be one of a slave. */
export function keptArchivePath(resultsDirectory: string, build: BuildId, subjob: number): string {
  return join(resultsDirectory, String(build), `${subjob}${KEPT}${SUFFIX}`);
}

/** The subjob of an archive. */
export function subjobOfArchive(path: string): string {
  return basename(path).slice(0, -SUFFIX.length).replace(KEPT, '');
}

/** Of all archives of a build together. Nothing else may run meanwhile, so that a hundred thousand take no second. */
export function archiveBytes(resultsDirectory: string, build: BuildId): number {
  const folder = join(resultsDirectory, String(build));
  const archives = namesIn(folder).filter((name) => name.endsWith(SUFFIX));
  return archives.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

/** None of a folder that is not there: a build has none before its first result. */
function namesIn(folder: string): string[] {
  return ifPresent(() => readdirSync(folder)) ?? [];
}

/** Moves archives to their places. Those that come to one folder at the same time share its flush to the disk. */
export class ArchiveKeeper {
  readonly #flushers = new Map<string, { readonly flusher: Flusher; users: number }>();

  /**
   * Moves an archive, whose bytes are on the disk already, to its place so that it is there after a power cut too: the
   * slave deletes its copy when it hears that it was accepted. Its list of entries, null for none, replaces that of an
   * archive that was there before.
   * @throws ClusterRunnerError UNAVAILABLE when the disk does not take it
   */
  async keep(temporaryPath: string, temporaryList: string | null, path: string): Promise<void> {
    const listPath = entryListPath(path);
    try {
      // At no time does the list of another archive lie beside one, so that a crash leaves none at worst.
      rmSync(listPath, { force: true });
      await this.#move(temporaryPath, path);
      if (temporaryList !== null) {
        renameSync(temporaryList, listPath);
      }
      await this.#flush(dirname(path));
    } catch (error) {
      throw new ClusterRunnerError(
        'UNAVAILABLE',
        `The master cannot keep the result on its disk (${reasonWithoutPaths(error)}); mend that, it will be delivered again.`,
        { cause: error },
      );
    }
  }

  /** The folder is there for all but the first of a build. A trip through the thread pool would take longer than this. */
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
