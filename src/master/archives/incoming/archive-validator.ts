import { promisify } from 'node:util';
import { gunzip, gunzipSync } from 'node:zlib';
import { textStart } from '../../../lib/text/text-ends.js';
import { ClusterRunnerError, messageOf } from '../../../protocol/errors.js';
import { atomFolder, type SubjobId } from '../../../protocol/ids.js';
import {
  CONSOLE_FILE,
  goesUp,
  isCommandFile,
  staysInFolder,
} from '../../../protocol/results/archive-names.js';
import { EntryPaths, pathProblem } from '../../../protocol/results/entry-paths.js';
import { BLOCK_BYTES, type ConsoleIndex } from '../../../protocol/results/result-index.js';
import type { ResultReport } from '../../../protocol/slave/slave-messages.js';
import type { ResultBounds } from '../../state/result-bounds.js';
import type { EntryListWriter } from '../entry-list-writer.js';
import { type ReceivedEntry, TarReader } from './tar-reader.js';

const decompress = promisify(gunzip);

/** Up to this size, synchronous decompression takes less time than the thread pool. */
const SMALL_BYTES = 32 * 1024;
/** Files in an atom's folder beside its artifacts and its console. */
const OWN_FILES = 10;
const OWN_BYTES = 16 * 1024 ** 2;
/** A master whose limits were lowered accepts what its slaves were allowed before. */
const LENIENCE = 2;

/**
 * Validates the archive of a subjob while it is received, holding one block. Every client must be able to unpack it, and
 * nothing in it may lead out of the folders of its atoms. Each member is decompressed separately, to one block at most, so
 * that no archive is larger than it says.
 */
export class ArchiveValidator {
  readonly #members: readonly number[];
  readonly #walk: TarReader;
  readonly #folders: ReadonlyMap<string, ConsoleIndex | null>;
  readonly #paths = new EntryPaths();
  readonly #consoles = new Set<ConsoleIndex>();
  readonly #maxBytes: number;
  readonly #maxFiles: number;
  readonly #list: EntryListWriter | null;
  #next = 0;
  #parts: Buffer[] = [];
  #gathered = 0;
  #bytes = 0;
  #files = 0;

  /** @param list gets the entries; the caller ends and closes it */
  constructor(
    subjob: SubjobId,
    { atoms: ended, unfinished, index }: Pick<ResultReport, 'atoms' | 'unfinished' | 'index'>,
    bounds: ResultBounds,
    list: EntryListWriter | null = null,
  ) {
    this.#list = list;
    const atoms = [...ended, ...(unfinished ?? [])];
    this.#members = index.members;
    const consoles = new Map(index.consoles.map((console) => [console.atom_id, console]));
    this.#folders = new Map(atoms.map(({ id }) => [atomFolder(subjob, id), consoles.get(id) ?? null]));
    const perAtom = bounds.artifactsMaxBytesPerAtom + bounds.consoleMaxBytesPerAtom + OWN_BYTES;
    this.#maxBytes = LENIENCE * atoms.length * perAtom;
    this.#maxFiles = LENIENCE * atoms.length * (bounds.artifactsMaxFilesPerAtom + OWN_FILES);
    this.#walk = new TarReader((entry) => this.#visit(entry), refusal);
    if (consoles.size !== index.consoles.length || !index.consoles.every(isSound)) {
      throw refusal('does not fit its index: a console in that is impossible');
    }
  }

  /** @throws ClusterRunnerError INVALID_REQUEST, BODY_TOO_LARGE */
  async pass(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      const wanted = this.#members[this.#next];
      if (wanted === undefined) {
        throw refusal('is longer than its index says');
      }
      const piece = chunk.subarray(at, at + wanted - this.#gathered);
      this.#parts.push(piece);
      this.#gathered += piece.length;
      at += piece.length;
      if (this.#gathered === wanted) {
        const member = this.#parts.length === 1 ? piece : Buffer.concat(this.#parts);
        this.#parts = [];
        this.#gathered = 0;
        this.#next += 1;
        this.#walk.push(await this.#blockOf(member));
        await this.#list?.flush();
      }
    }
  }

  /** To be called when the archive is complete. @throws ClusterRunnerError INVALID_REQUEST */
  end(): void {
    if (this.#gathered > 0 || this.#next < this.#members.length) {
      throw refusal('is shorter than its index says');
    }
    this.#walk.end();
    for (const console of this.#folders.values()) {
      if (console !== null && !this.#consoles.has(console)) {
        throw refusal(
          `does not fit its index: the console of atom ${console.atom_id} is not where that says`,
        );
      }
    }
  }

  async #blockOf(member: Buffer): Promise<Buffer> {
    const block = await inflate(member);
    const isLast = this.#next === this.#members.length;
    // RFC 1952: a member ends with the length of its content, so that nothing can be hidden after it.
    const said = member.length < 4 ? -1 : member.readUInt32LE(member.length - 4);
    if (block.length === 0 || said !== block.length || (!isLast && block.length !== BLOCK_BYTES)) {
      throw refusal(`does not fit its index: member ${this.#next - 1} is no block`);
    }
    return block;
  }

  #visit(entry: ReceivedEntry): void {
    const { type, path, linkpath, bytes, offset } = entry;
    const shown = () => JSON.stringify(textStart(path, 200));
    const folder = path.slice(0, Math.max(0, path.indexOf('/')));
    const console = this.#folders.get(folder);
    if (console === undefined || goesUp(path) || path === folder) {
      throw refusal(`names ${shown()}, which is in no folder of its atoms`);
    }
    const [, name = ''] = path.split('/', 2);
    if (isCommandFile(name)) {
      throw refusal(`has ${shown()}, which only the master writes, since people run it`);
    }
    if (hasOddParts(path)) {
      throw refusal(`names ${shown()}, which is not the shortest way to write it`);
    }
    if (type === null) {
      throw refusal(`has ${shown()}, which is no file, folder or symbolic link`);
    }
    if (type !== 'file' && bytes > 0) {
      throw refusal(`has ${shown()}, which has bytes and is no file`);
    }
    if (type === 'link' && !staysInFolder(path, linkpath)) {
      throw refusal(`has the link ${shown()}, which leads out of the folder of its atom`);
    }
    this.#count(bytes);
    if (type === 'file' && path.endsWith('/')) {
      throw refusal(`has the file ${shown()}, whose name is that of a folder`);
    }
    const problem = pathProblem(path) ?? this.#paths.add(path, type === 'folder');
    if (problem !== null) {
      throw refusal(`names ${shown()}, which no client can unpack: ${problem}`);
    }
    if (console !== null && path === `${folder}/${CONSOLE_FILE}` && type === 'file') {
      if (console.offset !== offset || console.bytes !== bytes || this.#consoles.has(console)) {
        throw refusal(
          `does not fit its index: the console of atom ${console.atom_id} is not where that says`,
        );
      }
      this.#consoles.add(console);
    }
    this.#list?.note(entry);
  }

  #count(bytes: number): void {
    this.#files += 1;
    this.#bytes += bytes;
    if (this.#files > this.#maxFiles || this.#bytes > this.#maxBytes) {
      throw new ClusterRunnerError(
        'BODY_TOO_LARGE',
        `The archive unpacks to more than the limits of this master allow (${this.#maxFiles} files, ${this.#maxBytes} bytes).`,
      );
    }
  }
}

/** Programs unpack these differently: `a//b`, `a/./b`, and NUL. */
function hasOddParts(path: string): boolean {
  return path.includes('\0') || path.includes('//') || /(^|\/)\.(\/|$)/.test(path);
}

/** Decompresses to one block at most. */
async function inflate(member: Buffer): Promise<Buffer> {
  try {
    const options = { maxOutputLength: BLOCK_BYTES };
    return member.length < SMALL_BYTES ? gunzipSync(member, options) : await decompress(member, options);
  } catch (error) {
    throw refusal(`has a member that is no gzip of a block (${messageOf(error)})`);
  }
}

/** Whether the marks rise and fit the block boundaries within the console, with no more lines than bytes. */
function isSound({ offset, bytes, lines, marks }: ConsoleIndex): boolean {
  const first = Math.floor(offset / BLOCK_BYTES) + 1;
  const boundaries = bytes === 0 ? 0 : Math.max(0, Math.ceil((offset + bytes) / BLOCK_BYTES) - first);
  const rises = marks.every((mark, place) => mark >= (marks[place - 1] ?? 0) && mark <= lines);
  return Number.isSafeInteger(offset + bytes) && lines <= bytes && marks.length === boundaries && rises;
}

function refusal(what: string): ClusterRunnerError {
  return new ClusterRunnerError('INVALID_REQUEST', `The result is refused: its archive ${what}.`);
}
