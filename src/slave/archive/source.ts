import { closeSync, constants, createReadStream, fstatSync, openSync, readSync, type Stats } from 'node:fs';

const READ_BYTES = 256 * 1024;
/** Most files are tiny, and a trip through the thread pool for each costs more than reading them. */
const TINY_BYTES = 64 * 1024;

/** A file that is open, with its size at that moment. */
export interface Source {
  readonly fd: number;
  readonly stats: Stats;
}

/** null when it cannot be read, or is no file any more. */
export function openSource(path: string): Source | null {
  // Not to wait for the other end of a pipe, nor to follow a link out of the folder.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  const fd = ifReadable(() => openSync(path, flags));
  if (fd === null) {
    return null;
  }
  const stats = fstatSync(fd);
  if (stats.isFile()) {
    return { fd, stats };
  }
  closeSync(fd);
  return null;
}

/** Whether it is read whole, by `tinyContentOf`. */
export function isTiny({ stats: { size } }: Source): boolean {
  return size <= TINY_BYTES;
}

/** Exactly as many bytes as a tiny file had when it was opened. Closes it. */
export function tinyContentOf({ fd, stats: { size } }: Source): Buffer {
  const bytes = Buffer.alloc(size);
  try {
    readSync(fd, bytes, 0, size, 0);
  } finally {
    closeSync(fd);
  }
  return bytes;
}

/** Exactly as many bytes as the file had when it was opened. Closes it. */
export async function* contentOf(source: Source): AsyncGenerator<Buffer> {
  if (isTiny(source)) {
    yield tinyContentOf(source);
    return;
  }
  const { fd, stats } = source;
  let left = stats.size;
  for await (const chunk of createReadStream('', {
    fd,
    start: 0,
    end: stats.size - 1,
    highWaterMark: READ_BYTES,
  })) {
    left -= chunk.length;
    yield chunk;
  }
  for (; left > 0; left -= READ_BYTES) {
    yield Buffer.alloc(Math.min(left, READ_BYTES));
  }
}

const UNREADABLE: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP', 'ENXIO']);

/** null for what an atom has removed, or forbidden itself to read: that is no fault of the archive. */
export function ifReadable<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (error instanceof Error && 'code' in error && UNREADABLE.has(error.code)) {
      return null;
    }
    throw error;
  }
}
