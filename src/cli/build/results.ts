import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type ReadEntry } from 'tar';
import { ClusterRunnerError, messageOf } from '../../protocol/errors.js';

/** Two blocks of zeros end a tar. */
const END_MARK_BYTES = 1024;
const NAME = /^(artifact_\d+_\d+(\/|$)|failures\.txt$)/;

/**
 * Unpacks a build's `tar.gz` beside `target` and puts it in the place of what was there only when it is whole:
 * whoever reads `target` sees the old results or the new ones. The slaves' archives are not trusted: nothing is
 * written outside, by name or through a link.
 * @throws ClusterRunnerError when the download breaks, the archive is damaged, or the disk does not take it.
 */
export async function unpackResults(archive: Readable, target: string): Promise<void> {
  const fresh = join(dirname(target), `.${posix.basename(target)}.${process.pid}.new`);
  const old = `${fresh}.old`;
  const seen = { bytes: 0, onlyZeros: true };
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  try {
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
    rmSync(old, { recursive: true, force: true });
    moveIfThere(target, old);
    renameSync(fresh, target);
  } catch (error) {
    throw new ClusterRunnerError(
      'MASTER_UNREACHABLE',
      `The results could not be fetched into ${target} (${messageOf(error)}); the build itself has ended, and its ` +
        'results can be downloaded again from the master.',
      { cause: error },
    );
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
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

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
      throw error;
    }
  }
}
