import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';

/** Something stands where a file is needed. It looks like an error of the system, whose readers tell it by its code. */
class NotAFile extends Error {
  override readonly name = 'NotAFile';
  readonly code = 'NOT_A_FILE';
  readonly syscall = 'open';
}

/**
 * Reads a file of this program's own, which a build of the same user may have replaced by anything: a named pipe without
 * another end, or a device that never ends, does not make it hang.
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
