import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode } from '../../lib/error-code.js';
import { freeDiskBytes } from '../../lib/fs/free-space.js';
import { removeFile } from '../../lib/fs/remove-file.js';
import { type ArchiveOptions, type AtomFolder, type WrittenArchive, writeArchive } from './write-archive.js';

const DISK_FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
/** Tried one after another: verdicts are worth more than consoles, and consoles more than artifacts. */
const ATTEMPTS: readonly Pick<ArchiveOptions, 'without'>[] = [
  {},
  { without: 'files' },
  { without: 'files and consoles' },
];

/**
 * Writes the archive of a subjob (see writeArchive) with as much as fits on the disk, and names in it what does not. Creates
 * the folder of the file when it is missing.
 * @throws Error of the file system; no file is left then
 */
export async function packResults(
  folders: readonly AtomFolder[],
  file: string,
  options: Omit<ArchiveOptions, 'without' | 'freeBytes'>,
  write: typeof writeArchive = writeArchive,
): Promise<WrittenArchive> {
  const folder = dirname(file);
  const freeBytes = () => freeDiskBytes(folder);
  let failure: unknown = null;
  for (const attempt of ATTEMPTS) {
    // A build may have removed the folder.
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    try {
      return await write(folders, file, { ...options, freeBytes, ...attempt });
    } catch (error) {
      failure = error;
      await removeFile(file);
      if (!DISK_FULL.has(errorCode(error))) {
        break;
      }
    }
  }
  throw failure;
}
