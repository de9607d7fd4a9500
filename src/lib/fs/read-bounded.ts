import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** What a file holds, or why that is not read: it is a device, a pipe or a folder, or holds more than it may. */
export type Bounded = { readonly bytes: Buffer } | { readonly refused: 'no file' | 'too large' };

/**
 * Reads a file that somebody else has made: neither a device that never ends nor a pipe without another end nor a size of
 * which the file system says nothing (as in /proc) makes it hang, or fill the memory.
 * @throws the file system's error
 */
export async function readBounded(file: string, maxBytes: number): Promise<Bounded> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) {
      return { refused: 'no file' };
    }
    return stat.size > maxBytes ? { refused: 'too large' } : await readAtMost(handle, maxBytes);
  } finally {
    await handle.close();
  }
}

async function readAtMost(handle: FileHandle, maxBytes: number): Promise<Bounded> {
  const chunks: Buffer[] = [];
  for (let total = 0; total <= maxBytes; ) {
    const { bytesRead, buffer } = await handle.read({ buffer: Buffer.allocUnsafe(64 * 1024) });
    if (bytesRead === 0) {
      return { bytes: Buffer.concat(chunks) };
    }
    chunks.push(buffer.subarray(0, bytesRead));
    total += bytesRead;
  }
  return { refused: 'too large' };
}
