import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** The last bytes of a file, which may be larger than memory, as text. @throws the file system's error */
export function readEnd(file: string, maxBytes: number): { text: string; isWhole: boolean } {
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    const bytes = Buffer.alloc(Math.min(size, maxBytes));
    const read = readSync(fd, bytes, 0, bytes.length, size - bytes.length);
    return { text: bytes.subarray(0, read).toString('utf8'), isWhole: size === bytes.length };
  } finally {
    closeSync(fd);
  }
}
