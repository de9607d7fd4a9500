import { isUtf8 } from 'node:buffer';
import { readUstar, USTAR_BLOCK } from './ustar.js';

/** The header of an entry. */
export interface ReceivedEntry {
  /** null for anything else. */
  readonly type: 'file' | 'link' | 'folder' | null;
  readonly path: string;
  readonly linkpath: string;
  readonly bytes: number;
  /** Position of its bytes in the tar. */
  readonly offset: number;
}

const types = new Map<string, ReceivedEntry['type']>([
  ['0', 'file'],
  ['2', 'link'],
  ['5', 'folder'],
]);

const nothing: Buffer = Buffer.alloc(0);
const none: ReadonlyMap<string, string> = new Map();
/** For two paths of the longest length that systems accept, and their keys. */
const MAX_PAX_BYTES = 32 * 1024;
const PAX_KEYS: ReadonlySet<string> = new Set(['path', 'linkpath', 'size', 'mtime']);

/**
 * Reads the entries of a tar that arrives in pieces, holding one header. It accepts what ClusterRunner writes (POSIX ustar
 * with pax headers for single entries) and nothing that programs interpret differently. Errors are made by `refuse`, of
 * the rest of a sentence that begins with "its archive".
 */
export class TarReader {
  readonly #visit: (entry: ReceivedEntry) => void;
  readonly #refuse: (what: string) => Error;
  #position = 0;
  /** Bytes of the entry with its padding that are still to be skipped. */
  #skip = 0;
  #header = nothing;
  /** Bytes of a pax header with its padding that are still to come. */
  #paxLeft = 0;
  #paxBytes = 0;
  #pax = nothing;
  #extended = none;

  constructor(visit: (entry: ReceivedEntry) => void, refuse: (what: string) => Error) {
    this.#visit = visit;
    this.#refuse = refuse;
  }

  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const left = bytes.length - at;
      if (this.#skip > 0) {
        at += this.#skipBytes(Math.min(this.#skip, left));
      } else {
        const wanted = this.#paxLeft > 0 ? this.#paxLeft : USTAR_BLOCK - this.#header.length;
        const piece = bytes.subarray(at, at + Math.min(wanted, left));
        at += piece.length;
        this.#position += piece.length;
        this.#take(piece);
      }
    }
  }

  /** To be called when the tar is complete. */
  end(): void {
    if (this.#skip > 0 || this.#header.length > 0 || this.#paxLeft > 0 || this.#extended.size > 0) {
      throw this.#refuse('ends within an entry');
    }
  }

  #skipBytes(bytes: number): number {
    this.#skip -= bytes;
    this.#position += bytes;
    return bytes;
  }

  #take(piece: Buffer): void {
    if (this.#paxLeft > 0) {
      this.#pax = Buffer.concat([this.#pax, piece]);
      this.#paxLeft -= piece.length;
      if (this.#paxLeft === 0) {
        this.#extended = this.#readPax(this.#pax.subarray(0, this.#paxBytes));
      }
      return;
    }
    this.#header = this.#header.length === 0 ? piece : Buffer.concat([this.#header, piece]);
    if (this.#header.length === USTAR_BLOCK) {
      const block = this.#header;
      this.#header = nothing;
      this.#enter(block);
    }
  }

  #enter(block: Buffer): void {
    const header = readUstar(block);
    if (header === null) {
      const what = block.every((byte) => byte === 0)
        ? 'an end-of-archive mark in it, after which nothing would be found'
        : `something at byte ${this.#position - USTAR_BLOCK} of its tar that is no header`;
      throw this.#refuse(`has ${what}`);
    }
    if (header.typeFlag === 'x') {
      this.#enterPax(header.bytes ?? 0);
      return;
    }
    const extended = this.#extended;
    this.#extended = none;
    const size = extended.get('size');
    const bytes = size === undefined ? header.bytes : /^\d+$/.test(size) ? Number(size) : null;
    if (bytes === null || !Number.isSafeInteger(bytes) || bytes < 0) {
      throw this.#refuse('has an entry whose size is no number');
    }
    this.#visit({
      type: types.get(header.typeFlag) ?? null,
      path: extended.get('path') ?? header.path,
      linkpath: extended.get('linkpath') ?? header.linkpath,
      bytes,
      offset: this.#position,
    });
    this.#skip = Math.ceil(bytes / USTAR_BLOCK) * USTAR_BLOCK;
  }

  #enterPax(bytes: number): void {
    if (this.#extended.size > 0 || bytes === 0 || bytes > MAX_PAX_BYTES) {
      throw this.#refuse('has an extended header that is too long, or stands in the wrong place');
    }
    this.#paxBytes = bytes;
    this.#paxLeft = Math.ceil(bytes / USTAR_BLOCK) * USTAR_BLOCK;
    this.#pax = nothing;
  }

  /** Records `LENGTH KEY=VALUE\n`; values with line feeds are refused, since some readers split them. */
  #readPax(bytes: Buffer): ReadonlyMap<string, string> {
    if (!isUtf8(bytes)) {
      throw this.#refuse('has an extended header that is not UTF-8');
    }
    const text = bytes.toString('utf8');
    const found = new Map<string, string>();
    for (const line of text.replace(/\n$/, '').split('\n')) {
      const [, length, key = '', value = ''] = /^(\d{1,5}) (\w+)=(.+)$/s.exec(line) ?? [];
      if (Number(length) !== Buffer.byteLength(line) + 1 || !PAX_KEYS.has(key) || found.has(key)) {
        throw this.#refuse('has an extended header that is not as a slave writes it');
      }
      found.set(key, value);
    }
    return found;
  }
}
