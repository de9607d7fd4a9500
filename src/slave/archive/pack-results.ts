import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode } from '../../lib/error-code.js';
import { freeDiskBytes } from '../../lib/fs/free-space.js';
import { removeFile } from '../../lib/fs/remove-file.js';
import { type ArchiveOptions, type AtomFolder, type WrittenArchive, writeArchive } from './write-archive.js';

const noRoom: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
/** What is tried one after another: verdicts count more than consoles, and those more than files. */
const ATTEMPTS: readonly Pick<ArchiveOptions, 'without'>[] = [
  {},
  { without: 'files' },
  { without: 'files and consoles' },
];

/**
 * Writes the archive of a subjob, see writeArchive, with as much as the disk has room for. What that does not take is
 * named in the archive. The folder of the file is made when it is gone.
 * @throws the file system's error; no file is left then
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
    // A build may have removed it.
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    try {
      return await write(folders, file, { ...options, freeBytes, ...attempt });
    } catch (error) {
      failure = error;
      await removeFile(file);
      if (!noRoom.has(errorCode(error))) {
        break;
      }
    }
  }
  throw failure;
}
