import { isUtf8 } from 'node:buffer';
import { readUstar, USTAR_BLOCK } from './ustar.js';

/** What stands in a tar before the bytes of an entry. */
export interface ReceivedEntry {
  /** null for anything else. */
  readonly type: 'file' | 'link' | 'folder' | null;
  readonly path: string;
  readonly linkpath: string;
  readonly bytes: number;
  /** Where its bytes begin in the tar. */
  readonly offset: number;
}

const types = new Map<string, ReceivedEntry['type']>([
  ['0', 'file'],
  ['2', 'link'],
  ['5', 'folder'],
]);

const nothing: Buffer = Buffer.alloc(0);
const none: ReadonlyMap<string, string> = new Map();
/** Of two paths as long as a system takes them, and what stands around them. */
const MAX_PAX_BYTES = 32 * 1024;
const PAX_KEYS: ReadonlySet<string> = new Set(['path', 'linkpath', 'size', 'mtime']);

/**
 * Goes through a tar that comes in pieces and tells of its entries, holding no more than a header. It takes what
 * ClusterRunner writes (POSIX ustar with pax headers for single entries) and nothing that programs understand in
 * different ways: it throws what `refuse` makes of the end of a sentence that begins with "its archive".
 */
export class TarReader {
  readonly #visit: (entry: ReceivedEntry) => void;
  readonly #refuse: (what: string) => Error;
  #position = 0;
  /** Bytes of the entry, with its padding, that are to be passed over. */
  #skip = 0;
  #header = nothing;
  /** Bytes of a pax header, with its padding, that are to come. */
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
        at += this.#passOver(Math.min(this.#skip, left));
      } else {
        const wanted = this.#paxLeft > 0 ? this.#paxLeft : USTAR_BLOCK - this.#header.length;
        const piece = bytes.subarray(at, at + Math.min(wanted, left));
        at += piece.length;
        this.#position += piece.length;
        this.#take(piece);
      }
    }
  }

  /** Nothing follows. */
  end(): void {
    if (this.#skip > 0 || this.#header.length > 0 || this.#paxLeft > 0 || this.#extended.size > 0) {
      throw this.#refuse('ends within an entry');
    }
  }

  #passOver(bytes: number): number {
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
        ? 'the mark that ends a tar in it, behind which nothing would be found'
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

  /** Records `LENGTH KEY=VALUE\n`; some readers take each line of a value for one. */
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
