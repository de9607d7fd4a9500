import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** The bytes of a file, or why it is not read: it is a device, a pipe or a folder, or too large. */
export type Bounded = { readonly bytes: Buffer } | { readonly refused: 'no file' | 'too large' };

/**
 * Reads an untrusted file. It neither hangs nor fills the memory on an endless device, a pipe without a writer, or a file of
 * unknown size (as in /proc).
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
