import { type FileHandle, open } from 'node:fs/promises';
import type { MaskedStream, Masks } from '../lib/masks.js';
import type { AtomId } from '../protocol/ids.js';
import { MAX_CONSOLE_PIECE_BYTES, type Progress } from '../protocol/slave.js';

export type ConsolePiece = Progress['consoles'][number];

/** Of a console that grows faster than this between two looks only the end is sent on. */
const MAX_BEHIND_BYTES = 16 * MAX_CONSOLE_PIECE_BYTES;

/** Reads what an atom has added to its console since the last look, in pieces of bounded size. */
export class ConsoleFollower {
  readonly #atom: AtomId;
  readonly #path: string;
  readonly #masks: Masks;
  /** What was read and may be the beginning of something that is masked is still in it. */
  #stream: MaskedStream;
  /** Of what was handed out. */
  #offset = 0;
  /** So much less of it is in the file, which is cut when it is too long. */
  #cut = 0;

  constructor(atom: AtomId, path: string, masks: Masks) {
    this.#atom = atom;
    this.#path = path;
    this.#masks = masks;
    this.#stream = masks.stream();
  }

  /** null when nothing was added. @throws the file system's error */
  async next(): Promise<ConsolePiece | null> {
    const file = await openIfThere(this.#path);
    if (file === null) {
      return null;
    }
    try {
      const { size } = await file.stat();
      if (size < this.#place) {
        this.#cut = this.#offset - size;
        this.#stream = this.#masks.stream();
      }
      const behind = size - this.#place;
      if (behind <= 0) {
        return null;
      }
      const skipped =
        behind > MAX_BEHIND_BYTES ? size - MAX_CONSOLE_PIECE_BYTES - (this.#offset - this.#cut) : 0;
      const note = skipped === 0 ? '' : `\n… ${skipped} bytes are shown when the atom has ended …\n`;
      const bytes = skipped === 0 ? await this.#readOn(file) : await this.#readAfter(file, skipped);
      if (bytes.length === 0) {
        return null;
      }
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

  /** In the file, of what comes next. */
  get #place(): number {
    return this.#offset - this.#cut + this.#stream.held;
  }

  async #readOn(file: FileHandle): Promise<Buffer> {
    return this.#stream.push(await readAt(file, this.#place));
  }

  /** Reads from a little earlier, so that what lies across the place is masked too. */
  async #readAfter(file: FileHandle, skipped: number): Promise<Buffer> {
    this.#stream = this.#masks.stream();
    const before = Math.min(skipped, this.#masks.reach);
    const bytes = this.#stream.push(await readAt(file, this.#offset - this.#cut + skipped - before));
    return bytes.subarray(before);
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
