import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { utf8End } from '../../text/text-ends.js';

/** The last bytes of a file, which may be larger than memory, as text. @throws the file system's error */
export function readTail(file: string, maxBytes: number): { text: string; isWhole: boolean } {
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    // One byte more shows whether a character is cut at the beginning.
    const bytes = Buffer.alloc(Math.min(size, maxBytes + 1));
    const read = readSync(fd, bytes, 0, bytes.length, size - bytes.length);
    const end = utf8End(bytes.subarray(0, read), maxBytes);
    return { text: end.toString('utf8'), isWhole: size <= maxBytes };
  } finally {
    closeSync(fd);
  }
}
