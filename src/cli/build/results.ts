import { accessSync, constants, existsSync, mkdirSync, readdirSync, realpathSync, renameSync } from 'node:fs';
import { basename, dirname, join, posix } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type ReadEntry } from 'tar';
import { removeTree } from '../../project/remove-tree.js';
import { ClusterRunnerError, messageOf } from '../../protocol/errors.js';

/** Two blocks of zeros end a tar. */
const END_MARK_BYTES = 1024;
const NAME = /^(artifact_\d+_\d+(\/|$)|failures\.txt$)/;

/** What a folder of results holds, and nothing else. */
const OURS = /^(artifact_\d+_\d+|failures\.txt)$/;

/**
 * Results replace what is at `target`, so it must be nothing, an empty folder, or one that holds earlier results only.
 * Answers where it really is: behind a link, say.
 * @throws ClusterRunnerError USAGE for anything else, and for a place that cannot be written
 */
export function replaceableFolder(target: string): string {
  const place = unlessMissing(() => realpathSync(target)) ?? target;
  try {
    const other = unlessMissing(() => readdirSync(place))?.find((name) => !OURS.test(name));
    if (other !== undefined) {
      throw new ClusterRunnerError(
        'USAGE',
        `${target} holds ${JSON.stringify(other)}, which is no result of a build, and results replace the whole folder; move it away or name another folder.`,
      );
    }
    accessSync(nearestFolder(dirname(place)), constants.W_OK);
    return place;
  } catch (error) {
    if (error instanceof ClusterRunnerError) {
      throw error;
    }
    throw new ClusterRunnerError(
      'USAGE',
      `Results cannot be written to ${target} (${messageOf(error)}); it must be a folder, or nothing yet, where this user may write.`,
      { cause: error },
    );
  }
}

/**
 * Unpacks a build's `tar.gz` beside `target` and puts it in the place of what was there only when it is whole:
 * whoever reads `target` sees the old results or the new ones. The slaves' archives are not trusted: nothing is
 * written outside, by name or through a link.
 * @throws ClusterRunnerError when `target` may not be replaced, the download breaks, the archive is damaged, or the
 *   disk does not take it
 */
export async function unpackResults(archive: Readable, target: string): Promise<void> {
  const place = replaceableFolder(target);
  const fresh = join(dirname(place), `.${basename(place)}.${process.pid}.new`);
  const old = `${fresh}.old`;
  const seen = { bytes: 0, onlyZeros: true };
  try {
    await removeTree(fresh);
    mkdirSync(fresh, { recursive: true });
    await pipeline(
      archive,
      createGunzip(),
      new Transform({
        transform(chunk: Buffer, _encoding, done) {
          seen.bytes += chunk.length;
          seen.onlyZeros &&= chunk.every((byte) => byte === 0);
          done(null, chunk);
        },
      }),
      extract({ cwd: fresh, strict: true, preserveOwner: false, noMtime: true, filter: belongs }),
    ).catch((error: unknown) => {
      // The end mark alone, as a build without atoms has it, is an archive like any other, but not to this reader.
      if (!(seen.onlyZeros && seen.bytes === END_MARK_BYTES)) {
        throw error;
      }
    });
    await removeTree(old);
    unlessMissing(() => renameSync(place, old));
    renameSync(fresh, place);
    await removeTree(old);
  } catch (error) {
    await removeTree(fresh).catch(() => undefined);
    throw new ClusterRunnerError(
      'MASTER_UNREACHABLE',
      `The results could not be fetched into ${target}: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}

function belongs(path: string, entry: ReadEntry | import('node:fs').Stats): boolean {
  if (!('type' in entry) || !NAME.test(path) || path.split('/').includes('..')) {
    return false;
  }
  switch (entry.type) {
    case 'File':
    case 'OldFile':
    case 'Directory':
      return true;
    case 'SymbolicLink':
      return staysInside(path, entry.linkpath ?? '');
    default:
      return false;
  }
}

/** A link may point within its own atom's folder only. */
function staysInside(path: string, linkpath: string): boolean {
  const [folder] = path.split('/');
  const goal = posix.normalize(posix.join(posix.dirname(path), linkpath));
  return !posix.isAbsolute(linkpath) && (goal === folder || goal.startsWith(`${folder}/`));
}

/** Folders above it are made. */
function nearestFolder(path: string): string {
  return existsSync(path) ? path : nearestFolder(dirname(path));
}

/** null when there is no such file or folder. */
function unlessMissing<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return null;
    }
    throw error;
  }
}
