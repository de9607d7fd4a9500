import {
  LENGTH_DIGITS,
  LINES_PER_MARK,
  type Line,
  MAX_TRAILER_BYTES,
  type Trailer,
  VERSION,
} from './entry-list-format.js';
import { IncomingFile } from './incoming/incoming-file.js';
import type { ReceivedEntry } from './incoming/tar-reader.js';

/** A longer list is not kept, since it would not be worth its disk space. */
const MAX_LIST_BYTES = 64 * 1024 ** 2;

/** Writes the list of an archive while the archive is received, holding a few lines of it. */
export class EntryListWriter {
  readonly path: string;
  readonly #members: readonly number[];
  readonly #file: IncomingFile;
  readonly #folders = new Map<string, { total: number; end: number; marks: number[]; added: Line[] }>();
  readonly #added: number[] = [];
  #isKept: boolean;
  #current = '';
  #lines = '';
  #bytes = 0;

  /**
   * @param members compressed bytes of each member of the archive
   * @param requireSpace throws when the disk has no space for so many more bytes
   */
  constructor(path: string, members: readonly number[], requireSpace: (bytes: number) => void) {
    this.path = path;
    this.#members = members;
    this.#isKept = members.length > 1;
    this.#file = new IncomingFile(path, requireSpace);
  }

  /** `entry.path` begins with the folder of its atom. */
  note({ type, path, linkpath, bytes, offset }: ReceivedEntry): void {
    const slash = path.indexOf('/');
    if (!this.#isKept || slash === -1 || (type !== 'file' && type !== 'link')) {
      return;
    }
    const name = path.slice(0, slash);
    const folder = this.#folders.get(name) ?? { total: 0, end: 0, marks: [], added: [] };
    if (folder.total > 0 && name !== this.#current) {
      // The lines of a folder can be found only when they are contiguous.
      this.#isKept = false;
      return;
    }
    this.#current = name;
    this.#folders.set(name, folder);
    const line: Line = [path.slice(slash + 1), bytes, type === 'link' ? linkpath : null, offset];
    const text = `${JSON.stringify(line)}\n`;
    if (folder.total % LINES_PER_MARK === 0) {
      folder.marks.push(this.#bytes);
    }
    this.#lines += text;
    this.#bytes += Buffer.byteLength(text);
    folder.total += 1;
    folder.end = this.#bytes;
    this.#isKept = this.#bytes <= MAX_LIST_BYTES;
  }

  /** A file that the master adds; `offset` is within the tar of these. */
  noteAdded({ path, bytes, offset }: Pick<ReceivedEntry, 'path' | 'bytes' | 'offset'>): void {
    const slash = path.indexOf('/');
    const name = path.slice(0, slash);
    const folder = this.#folders.get(name) ?? { total: 0, end: 0, marks: [], added: [] };
    this.#folders.set(name, folder);
    folder.added.push([path.slice(slash + 1), bytes, null, offset]);
  }

  /** Compressed bytes of a member that the master has added. */
  noteAddedMember(bytes: number): void {
    this.#added.push(bytes);
  }

  /** Writes the noted lines. @throws the file system's error, and what `requireSpace` throws */
  async flush(): Promise<void> {
    const lines = this.#lines;
    this.#lines = '';
    if (lines !== '' && this.#isKept) {
      await this.#file.write(Buffer.from(lines));
    }
  }

  /** Writes the rest. False when no list is kept. @throws as `flush` does */
  async end(): Promise<boolean> {
    await this.flush();
    const trailer: Trailer = {
      version: VERSION,
      members: [...this.#members],
      added: this.#added,
      folders: Object.fromEntries(this.#folders),
    };
    const text = Buffer.from(JSON.stringify(trailer));
    if (!this.#isKept || text.length > MAX_TRAILER_BYTES) {
      return false;
    }
    await this.#file.write(text);
    await this.#file.write(Buffer.from(String(text.length).padStart(LENGTH_DIGITS, '0')));
    await this.#file.end();
    return true;
  }

  /** To be called at the end in any case. */
  async close(): Promise<void> {
    await this.#file.close();
  }
}
