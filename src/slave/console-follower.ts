import { type FileHandle, open } from 'node:fs/promises';
import type { AtomId } from '../protocol/ids.js';
import { MAX_CONSOLE_PIECE_BYTES, type Progress } from '../protocol/slave.js';

export type ConsolePiece = Progress['consoles'][number];

/** Of a console that grows faster than this between two looks only the end is sent on. */
const MAX_BEHIND_BYTES = 16 * MAX_CONSOLE_PIECE_BYTES;

/** Reads what an atom has added to its console since the last look, in pieces of bounded size. */
export class ConsoleFollower {
  readonly #atom: AtomId;
  readonly #path: string;
  #offset = 0;

  constructor(atom: AtomId, path: string) {
    this.#atom = atom;
    this.#path = path;
  }

  /** null when nothing was added. @throws the file system's error */
  async next(): Promise<ConsolePiece | null> {
    const file = await openIfThere(this.#path);
    if (file === null) {
      return null;
    }
    try {
      const { size } = await file.stat();
      const behind = size - this.#offset;
      if (behind <= 0) {
        return null;
      }
      const skipped = behind > MAX_BEHIND_BYTES ? behind - MAX_CONSOLE_PIECE_BYTES : 0;
      const note = skipped === 0 ? '' : `\n… ${skipped} bytes are shown when the atom has ended …\n`;
      const bytes = await readAt(file, this.#offset + skipped);
      const piece = {
        atom_id: this.#atom,
        offset: this.#offset,
        content: Buffer.concat([Buffer.from(note), bytes]).toString('base64'),
      };
      this.#offset += skipped + bytes.length;
      return piece;
    } finally {
      await file.close();
    }
  }
}

/** An atom that has just begun has no console yet. */
async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return null;
    }
    throw error;
  }
}

async function readAt(file: FileHandle, position: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(
    Buffer.alloc(MAX_CONSOLE_PIECE_BYTES),
    0,
    MAX_CONSOLE_PIECE_BYTES,
    position,
  );
  return buffer.subarray(0, bytesRead);
}
