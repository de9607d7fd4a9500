import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';

/** Something else is where a file is needed. It has the form of a system error, which is identified by its code. */
class NotAFile extends Error {
  override readonly name = 'NotAFile';
  readonly code = 'NOT_A_FILE';
  readonly syscall = 'open';
}

/**
 * Reads a file of this program, which a build of the same user may have replaced by anything. It does not hang on a named
 * pipe without a writer, or on an endless device.
 * @throws the file system's error, or one of code NOT_A_FILE
 */
export function readRegularFile(file: string): string {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) {
      throw new NotAFile(`'${file}' is ${kindOf(stats)}`);
    }
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

/** A socket cannot be opened at all. */
function kindOf(stats: Stats): string {
  if (stats.isDirectory()) {
    return 'a folder';
  }
  return stats.isFIFO() ? 'a named pipe' : 'a device';
}
