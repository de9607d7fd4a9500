import { closeSync, constants, createReadStream, fstatSync, openSync, readSync, type Stats } from 'node:fs';

const READ_BYTES = 256 * 1024;
/** Most files are tiny, and a trip through the thread pool for each costs more than reading them. */
const TINY_BYTES = 64 * 1024;

/** A file that is open, with its size at that moment. */
export interface FileSource {
  readonly fd: number;
  readonly stats: Stats;
}

/** Told when a file has fewer bytes than when it was opened, or no longer gives them: `bytes` are zeros instead. */
export type Missing = (bytes: number) => void;

/** null when it is no file. @throws the file system's error */
export function openFileSource(path: string): FileSource | null {
  // Not to wait for the other end of a pipe, nor to follow a link out of the folder.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  const stats = fstatSync(fd);
  if (stats.isFile()) {
    return { fd, stats };
  }
  closeSync(fd);
  return null;
}

/** Whether it is read whole, by `tinyContentOf`. */
export function isTiny({ stats: { size } }: FileSource): boolean {
  return size <= TINY_BYTES;
}

/** Exactly as many bytes as a tiny file had when it was opened. Closes it. */
export function tinyContentOf({ fd, stats: { size } }: FileSource, missing: Missing): Buffer {
  const bytes = Buffer.alloc(size);
  let read = 0;
  try {
    for (let count = -1; read < size && count !== 0; read += count) {
      count = readSync(fd, bytes, read, size - read, read);
    }
  } catch (error) {
    if (whyUnreadable(error) === null) {
      throw error;
    }
  } finally {
    closeSync(fd);
  }
  if (read < size) {
    missing(size - read);
  }
  return bytes;
}

/** Exactly as many bytes as the file had when it was opened. Closes it. */
export async function* contentOf(source: FileSource, missing: Missing): AsyncGenerator<Buffer> {
  if (isTiny(source)) {
    yield tinyContentOf(source, missing);
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
    if (whyUnreadable(error) === null) {
      throw error;
    }
  }
  if (left > 0) {
    missing(left);
  }
  for (; left > 0; left -= READ_BYTES) {
    yield Buffer.alloc(Math.min(left, READ_BYTES));
  }
}

/** This process has too little of something; what it wanted to read is not to blame. */
const OF_THE_PROCESS: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** Why a file or folder of an atom cannot be read, which is no fault of the archive; null for any other error. */
export function whyUnreadable(error: unknown): string | null {
  if (!(error instanceof Error && 'syscall' in error && 'code' in error) || OF_THE_PROCESS.has(error.code)) {
    return null;
  }
  switch (error.code) {
    case 'ENOENT':
      return 'it was gone when it was to be packed';
    case 'ENAMETOOLONG':
      return 'its path is too long';
    case 'EACCES':
    case 'EPERM':
      return 'it cannot be read';
    default:
      return `it cannot be read (${error.code})`;
  }
}

/** null for what cannot be read. */
export function ifReadable<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (whyUnreadable(error) === null) {
      throw error;
    }
    return null;
  }
}
