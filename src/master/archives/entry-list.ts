import { type FileHandle, open, stat } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type Static, Type } from '@sinclair/typebox';
import { Ajv } from 'ajv';
import { ifPresentAsync } from '../../lib/error-code.js';
import { lazyValidator, ownSchemas } from '../../lib/lazy-validator.js';
import type { ArtifactEntry } from '../../protocol/results/artifact.js';
import { BLOCK_BYTES } from '../../protocol/results/result-index.js';
import { IncomingFile } from './incoming/incoming-file.js';
import type { ReceivedEntry } from './incoming/tar-reader.js';

/*
 * The list of the files and links in an archive, in a file beside it: one JSON array per line in the archive's order, then
 * a trailer with the position of each folder's lines, then the trailer's length in LENGTH_DIGITS digits. An archive of a
 * single block has no list, since it is decompressed in a few milliseconds.
 */

const VERSION = 2;
/** Of archives without files that the master has added. */
const OLDER_VERSION = 1;
/** A longer list is not kept, since it would not be worth its disk space. */
const MAX_LIST_BYTES = 64 * 1024 ** 2;
const MAX_TRAILER_BYTES = 16 * 1024 ** 2;
const LENGTH_DIGITS = 12;
/** Lines between two positions from which a page can be read. */
const LINES_PER_MARK = 1000;
const READ_BYTES = 64 * 1024;

const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
/** Path within the folder, bytes, target of a link or null, offset of the bytes in the tar. */
const LineSchema = Type.Tuple([Type.String(), count, Type.Union([Type.String(), Type.Null()]), count]);
const FolderSchema = Type.Object({
  total: count,
  /** Where its lines end in the list. */
  end: count,
  /** Where the lines 0, LINES_PER_MARK, … of it begin in the list. */
  marks: Type.Array(count),
  /** Files that the master has added at the end of the archive; offsets are within the tar of these. */
  added: Type.Optional(Type.Array(LineSchema)),
});
const TrailerSchema = Type.Object({
  version: Type.Union([Type.Literal(VERSION), Type.Literal(OLDER_VERSION)]),
  /** Compressed bytes of each member of the delivered archive … */
  members: Type.Array(Type.Integer({ minimum: 1 })),
  /** … and of those after them, which the master has added. */
  added: Type.Optional(Type.Array(Type.Integer({ minimum: 1 }))),
  folders: Type.Record(Type.String(), FolderSchema),
});

type Trailer = Static<typeof TrailerSchema>;
type Line = Static<typeof LineSchema>;

const ajv = new Ajv(ownSchemas);
const trailerCheck = lazyValidator<Trailer>(ajv, TrailerSchema);
const lineCheck = lazyValidator<Line>(ajv, LineSchema);

export interface OpenedFile {
  readonly content: Readable;
  readonly bytes: number;
}

/** A list that cannot be read; the archive itself is to be read instead. */
export class DamagedList extends Error {}

/** The path of the list of an archive. */
export function entryListPath(archive: string): string {
  return `${archive.replace(/\.tar\.gz$/, '')}.entries`;
}

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

/** A list that is read from its file on demand. */
export class EntryList {
  readonly #archive: string;
  readonly #path: string;
  readonly #trailer: Trailer;

  private constructor(archive: string, path: string, trailer: Trailer) {
    this.#archive = archive;
    this.#path = path;
    this.#trailer = trailer;
  }

  /** null when there is no list, or it does not belong to the archive or is damaged. */
  static async open(archive: string): Promise<EntryList | null> {
    const path = entryListPath(archive);
    const trailer = await ifPresentAsync(() => readTrailer(path));
    const archiveBytes = await ifPresentAsync(async () => (await stat(archive)).size);
    const expected = trailer === null ? 0 : sum([...trailer.members, ...(trailer.added ?? [])]);
    return trailer === null || archiveBytes !== expected ? null : new EntryList(archive, path, trailer);
  }

  /**
   * A page of the files and links below `folder`, in the order of the archive, and their total.
   * @throws DamagedList, the reason of `gone`
   */
  async page(
    folder: string,
    { offset, limit }: { readonly offset: number; readonly limit: number },
    gone: AbortSignal,
  ): Promise<{ files: ArtifactEntry[]; total: number }> {
    const files: ArtifactEntry[] = [];
    for await (const line of this.#lines(folder, offset, gone)) {
      if (files.length >= limit) {
        break;
      }
      const [path, bytes, link] = parseLine(line);
      files.push({ path, bytes, link });
    }
    const { total = 0, added = [] } = this.#folder(folder) ?? {};
    for (const [path, bytes, link] of added.slice(Math.max(0, offset - total))) {
      if (files.length < limit) {
        files.push({ path, bytes, link });
      }
    }
    return { files, total: total + added.length };
  }

  /**
   * A file of the archive, of which only the blocks with the file are read. null when there is no such file.
   * @throws DamagedList, the reason of `gone`
   */
  async file(folder: string, path: string, gone: AbortSignal): Promise<OpenedFile | null> {
    const { members, added = [] } = this.#trailer;
    const own = this.#folder(folder)?.added?.find(([name]) => name === path);
    if (own !== undefined) {
      const [, bytes, , offset] = own;
      return { content: this.#content({ members: added, from: sum(members) }, offset, bytes), bytes };
    }
    const beginning = `[${JSON.stringify(path)},`;
    for await (const text of this.#lines(folder, 0, gone)) {
      if (text.startsWith(beginning)) {
        const [, bytes, link, offset] = parseLine(text);
        if (link === null) {
          return { content: this.#content({ members, from: 0 }, offset, bytes), bytes };
        }
      }
    }
    return null;
  }

  #folder(name: string): Static<typeof FolderSchema> | undefined {
    return Object.hasOwn(this.#trailer.folders, name) ? this.#trailer.folders[name] : undefined;
  }

  async *#lines(name: string, first: number, gone: AbortSignal): AsyncGenerator<string> {
    const folder = this.#folder(name);
    const mark = Math.floor(first / LINES_PER_MARK);
    const start = folder?.marks[mark];
    if (folder === undefined || start === undefined) {
      return;
    }
    let skip = first - mark * LINES_PER_MARK;
    for await (const line of linesOf(this.#path, start, folder.end, gone)) {
      if (skip > 0) {
        skip -= 1;
      } else {
        yield line;
      }
    }
  }

  /** `members` hold the tar that `offset` is in, and begin at byte `from` of the archive. */
  #content(
    { members, from }: { readonly members: readonly number[]; readonly from: number },
    offset: number,
    bytes: number,
  ): Readable {
    const first = Math.floor(offset / BLOCK_BYTES);
    const last = Math.floor((offset + Math.max(1, bytes) - 1) / BLOCK_BYTES);
    const start = from + sum(members.slice(0, first));
    const end = start + sum(members.slice(first, last + 1));
    const archive = this.#archive;
    return Readable.from(unpacked(archive, { start, end }, { skip: offset - first * BLOCK_BYTES, bytes }), {
      objectMode: false,
    });
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

/** `bytes` of the decompressed content of a range of whole members, after the first `skip`. */
async function* unpacked(
  archive: string,
  { start, end }: { readonly start: number; readonly end: number },
  { skip, bytes }: { readonly skip: number; readonly bytes: number },
): AsyncGenerator<Buffer> {
  if (bytes === 0) {
    return;
  }
  const handle = await open(archive);
  const source = handle.createReadStream({ start, end: end - 1, highWaterMark: READ_BYTES });
  const unzip = createGunzip({ chunkSize: READ_BYTES });
  // A failure is seen at `unzip`, which is read below.
  pipeline(source, unzip, () => undefined);
  let toSkip = skip;
  let left = bytes;
  for await (const chunk of unzip) {
    const whole: Buffer = chunk;
    const piece = whole.subarray(Math.min(toSkip, whole.length)).subarray(0, left);
    toSkip -= Math.min(toSkip, whole.length);
    left -= piece.length;
    if (piece.length > 0) {
      yield piece;
    }
    if (left === 0) {
      return;
    }
  }
  throw new Error(`${archive} ends before a file in it does.`);
}

async function* linesOf(path: string, start: number, end: number, gone: AbortSignal): AsyncGenerator<string> {
  gone.throwIfAborted();
  const handle = await open(path);
  const stream = handle.createReadStream({ start, end: end - 1, highWaterMark: READ_BYTES });
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    gone.throwIfAborted();
    const read: Buffer = chunk;
    const bytes = rest.length === 0 ? read : Buffer.concat([rest, read]);
    let at = 0;
    for (let next = bytes.indexOf(10, at); next !== -1; next = bytes.indexOf(10, at)) {
      yield bytes.toString('utf8', at, next);
      at = next + 1;
    }
    rest = bytes.subarray(at);
  }
}

async function readTrailer(path: string): Promise<Trailer | null> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const digits = await readAt(file, size - LENGTH_DIGITS, LENGTH_DIGITS);
    const length = /^\d+$/.test(digits) ? Number(digits) : Number.NaN;
    if (!(length <= MAX_TRAILER_BYTES)) {
      return null;
    }
    const value = jsonIn(await readAt(file, size - LENGTH_DIGITS - length, length));
    return trailerCheck()(value) ? value : null;
  } finally {
    await file.close();
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<string> {
  if (position < 0) {
    return '';
  }
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.toString('utf8', 0, bytesRead);
}

/** null for invalid JSON: a list that a crash has truncated. */
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) {
      return null;
    }
    throw error;
  }
}

function parseLine(text: string): Line {
  const line = jsonIn(text);
  if (!lineCheck()(line)) {
    throw new DamagedList('A line of the list of an archive is damaged.');
  }
  return line;
}
