import { type FileHandle, open, stat } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ifPresentAsync } from '../../lib/error-code.js';
import type { ArtifactEntry } from '../../protocol/results/artifact.js';
import { BLOCK_BYTES } from '../../protocol/results/result-index.js';
import {
  entryListPath,
  LENGTH_DIGITS,
  LINES_PER_MARK,
  type Line,
  type ListedFolder,
  lineCheck,
  MAX_TRAILER_BYTES,
  type Trailer,
  trailerCheck,
} from './entry-list-format.js';

const READ_BYTES = 64 * 1024;

export interface OpenedFile {
  readonly content: Readable;
  readonly bytes: number;
}

/** A list that cannot be read; the archive itself is to be read instead. */
export class DamagedList extends Error {}

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

  #folder(name: string): ListedFolder | undefined {
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
