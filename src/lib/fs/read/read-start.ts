import { closeSync, openSync, readSync } from 'node:fs';

/** The first bytes of a file as text; a character cut at the end is replaced. @throws the file system's error */
export function readStart(file: string, maxBytes: number): string {
  const fd = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(maxBytes);
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(fd);
  }
}
