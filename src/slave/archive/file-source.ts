import { closeSync, constants, createReadStream, fstatSync, openSync, readSync, type Stats } from 'node:fs';

const READ_BYTES = 256 * 1024;
/** Most files are small; reading them synchronously is cheaper than a trip through the thread pool. */
const SMALL_FILE_BYTES = 64 * 1024;

/** An open file, with its stats at the moment of opening. */
export interface FileSource {
  readonly fd: number;
  readonly stats: Stats;
}

/** Called when a file has shrunk since it was opened, or cannot be read further: `bytes` zeros stand for the rest. */
export type OnMissing = (bytes: number) => void;

/** null when it is not a regular file. @throws Error of the file system */
export function openFileSource(path: string): FileSource | null {
  // Does not wait for the other end of a pipe, nor follow a link out of the folder.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  const stats = fstatSync(fd);
  if (stats.isFile()) {
    return { fd, stats };
  }
  closeSync(fd);
  return null;
}

/** Whether it is to be read by `readSmallFile`. */
export function isSmallFile({ stats: { size } }: FileSource): boolean {
  return size <= SMALL_FILE_BYTES;
}

/** Returns exactly as many bytes as the file had when it was opened, and closes it. */
export function readSmallFile({ fd, stats: { size } }: FileSource, onMissing: OnMissing): Buffer {
  const bytes = Buffer.alloc(size);
  let read = 0;
  try {
    for (let count = -1; read < size && count !== 0; read += count) {
      count = readSync(fd, bytes, read, size - read, read);
    }
  } catch (error) {
    if (unreadableReason(error) === null) {
      throw error;
    }
  } finally {
    closeSync(fd);
  }
  if (read < size) {
    onMissing(size - read);
  }
  return bytes;
}

/** Yields exactly as many bytes as the file had when it was opened, and closes it. */
export async function* readFileSource(source: FileSource, onMissing: OnMissing): AsyncGenerator<Buffer> {
  if (isSmallFile(source)) {
    yield readSmallFile(source, onMissing);
    return;
  }
  const { fd, stats } = source;
  let left = stats.size;
  const options = { fd, start: 0, end: stats.size - 1, highWaterMark: READ_BYTES };
  try {
    for await (const chunk of createReadStream('', options)) {
      left -= chunk.length;
      yield chunk;
    }
  } catch (error) {
    if (unreadableReason(error) === null) {
      throw error;
    }
  }
  if (left > 0) {
    onMissing(left);
  }
  for (; left > 0; left -= READ_BYTES) {
    yield Buffer.alloc(Math.min(left, READ_BYTES));
  }
}

/** Errors that show a limit of this process or machine, and not a problem of the file. */
const PROCESS_LIMITS: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** Why a file or folder of an atom cannot be read; null when the error is not about that file. */
export function unreadableReason(error: unknown): string | null {
  if (!(error instanceof Error && 'syscall' in error && 'code' in error) || PROCESS_LIMITS.has(error.code)) {
    return null;
  }
  switch (error.code) {
    case 'ENOENT':
      return 'it was removed before it was packed';
    case 'ENAMETOOLONG':
      return 'its path is too long';
    case 'EACCES':
    case 'EPERM':
      return 'it cannot be read';
    default:
      return `it cannot be read (${error.code})`;
  }
}

/** null when `look` fails because a file or folder cannot be read. */
export function nullIfUnreadable<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (unreadableReason(error) === null) {
      throw error;
    }
    return null;
  }
}
