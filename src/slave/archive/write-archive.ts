import {
  closeSync,
  constants,
  createReadStream,
  createWriteStream,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { blockGzip } from '../../lib/block-gzip.js';
import { Masks } from '../../lib/masks.js';
import { type TarEntry, tarHeader, tarPadding } from '../../lib/tar-header.js';
import { goesUp, staysInFolder } from '../../protocol/archive-names.js';
import type { AtomId } from '../../protocol/ids.js';
import type { ResultFacts } from '../../protocol/result-facts.js';
import { BLOCK_BYTES, type ConsoleIndex, type ResultIndex } from '../../protocol/result-index.js';
import { type ResultLimits, unlimited } from '../../protocol/result-limits.js';
import { ArtifactRoom, SubjobRoom } from './artifact-room.js';
import { AtomNotes, NOTES } from './atom-notes.js';
import { ConsoleIndexer } from './console-indexer.js';

/** What the archive of a subjob is made of: one of its atoms' folders. */
export interface AtomFolder {
  readonly atom: AtomId;
  readonly path: string;
  /** Its name in the archive. */
  readonly name: string;
  /** Name of the file in it that is the console; in the archive it is there even if the atom has removed it. */
  readonly console: string;
  /** Files that are in the archive, whatever the folder has under their names. */
  readonly added: readonly { readonly name: string; readonly content: string; readonly mode: number }[];
}

/** Speed counts more than size on the way from a slave to its master. */
const LEVEL = 1;
const READ_BYTES = 256 * 1024;
/** Most files are tiny, and a trip through the thread pool for each costs more than reading them. */
const TINY_BYTES = 64 * 1024;
const PLAIN_HEADER_BYTES = 512;
const PERMISSIONS = 0o777;
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

export interface ArchiveOptions {
  /** Nothing is masked unless given. */
  readonly masks?: Masks;
  /** None unless given. */
  readonly limits?: ResultLimits;
  /** Bytes that consoles have lost already, because they were too long. */
  readonly consoleCuts?: ReadonlyMap<AtomId, number>;
}

export interface WrittenArchive extends ResultIndex {
  /** Of those atoms of which there is something to say. */
  readonly facts: ReadonlyMap<AtomId, ResultFacts>;
}

/**
 * Writes the atoms' folders into a `tar.gz` without the blocks that end a tar, so that archives can be put one
 * behind the other. Holds one block in memory, however large the files are. Links stay links. What is left out is named
 * in a file beside the rest: sockets, pipes and devices, links that lead out of the folder, what cannot be read, names
 * that are not UTF-8, what is beyond the limits. A file that shrinks while it is read is filled up with zeros, one that
 * grows is cut.
 * @throws the file system's error when the archive cannot be written
 */
export async function writeArchive(
  folders: readonly AtomFolder[],
  file: string,
  options: ArchiveOptions = {},
): Promise<WrittenArchive> {
  const members: number[] = [];
  const tar = new TarOfFolders(folders, options);
  await pipeline(
    blockGzip(tar.bytes(), {
      blockBytes: BLOCK_BYTES,
      level: LEVEL,
      onMember: (bytes) => members.push(bytes),
    }),
    // Not flushed to the disk: the master refuses what a power cut has damaged, and has the work done again.
    createWriteStream(file),
  );
  return { members, consoles: tar.consoles, facts: tar.facts };
}

class TarOfFolders {
  readonly consoles: ConsoleIndex[] = [];
  readonly facts = new Map<AtomId, ResultFacts>();
  readonly #folders: readonly AtomFolder[];
  readonly #masks: Masks;
  readonly #consoleCuts: ReadonlyMap<AtomId, number>;
  readonly #room: SubjobRoom;
  #position = 0;

  constructor(folders: readonly AtomFolder[], options: ArchiveOptions) {
    this.#folders = folders;
    this.#masks = options.masks ?? new Masks([]);
    this.#consoleCuts = options.consoleCuts ?? new Map();
    this.#room = new SubjobRoom(options.limits ?? unlimited);
  }

  async *bytes(): AsyncGenerator<Buffer> {
    for (const folder of this.#folders) {
      for await (const chunk of this.#entriesOf(folder)) {
        this.#position += chunk.length;
        yield chunk;
      }
    }
  }

  async *#entriesOf(folder: AtomFolder): AsyncGenerator<Buffer> {
    const { added, atom, console } = folder;
    const notes = new AtomNotes();
    const mtime = ifReadable(() => lstatSync(folder.path).mtime) ?? new Date();
    yield tarHeader({ path: `${folder.name}/`, type: 'Directory', size: 0, mode: FOLDER_MODE, mtime });
    for (const { name, content, mode } of added) {
      const bytes = Buffer.from(content);
      yield tarHeader({ path: `${folder.name}/${name}`, type: 'File', size: bytes.length, mode, mtime });
      yield bytes;
      yield tarPadding(bytes.length);
    }
    yield* this.#console(folder, mtime);
    const cut = this.#consoleCuts.get(atom) ?? 0;
    if (cut > 0) {
      notes.cut(console, cut, 'because it was too long (console_max_mib_per_atom)');
    }
    const taken = new Set([console, NOTES, ...added.map(({ name }) => name)]);
    yield* entriesBelow(folder, (name) => !taken.has(name), new ArtifactRoom(this.#room), notes);
    const facts = notes.facts();
    if (facts !== null) {
      this.facts.set(atom, facts);
    }
    const text = Buffer.from(notes.text());
    if (text.length > 0) {
      yield tarHeader({
        path: `${folder.name}/${NOTES}`,
        type: 'File',
        size: text.length,
        mode: FILE_MODE,
        mtime,
      });
      yield text;
      yield tarPadding(text.length);
    }
  }

  async *#console(folder: AtomFolder, mtime: Date): AsyncGenerator<Buffer> {
    const source = openSource(join(folder.path, folder.console));
    const size = source?.stats.size ?? 0;
    const path = `${folder.name}/${folder.console}`;
    const header = tarHeader({ path, type: 'File', size, mode: FILE_MODE, mtime });
    const indexer = new ConsoleIndexer(folder.atom, this.#position + header.length);
    yield header;
    if (source !== null) {
      for await (const chunk of maskedBy(this.#masks, contentOf(source))) {
        indexer.pass(chunk);
        yield chunk;
      }
    }
    yield tarPadding(size);
    this.consoles.push(indexer.index());
  }
}

async function* entriesBelow(
  folder: AtomFolder,
  isWanted: (name: string) => boolean,
  room: ArtifactRoom,
  notes: AtomNotes,
): AsyncGenerator<Buffer> {
  // Names to visit yet, relative to the folder; folders before what is in them.
  const pending = (childrenOf(folder.path, '') ?? []).filter(isWanted);
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const found = lookAt(folder, name);
    const header = 'reason' in found ? null : tarHeader(found.header);
    const refusal =
      'reason' in found
        ? found.reason
        : (nameProblem(found.header, header) ?? room.take(found.source?.stats.size ?? 0));
    if ('reason' in found || header === null || refusal !== null) {
      notes.leaveOut(name, refusal ?? '');
      if ('source' in found && found.source !== null) {
        closeSync(found.source.fd);
      }
      continue;
    }
    yield header;
    pending.push(...found.children);
    if (found.source !== null) {
      yield* notes.reading(name, contentOf(found.source));
      yield tarPadding(found.source.stats.size);
    }
  }
}

/** What goes into the archive for a name in an atom's folder, or why nothing does. */
type Found =
  | { readonly header: TarEntry; readonly children: readonly string[]; readonly source: Source | null }
  | { readonly reason: string };

function lookAt(folder: AtomFolder, name: string): Found {
  const path = join(folder.path, name);
  const stats = ifReadable(() => lstatSync(path));
  const inArchive = `${folder.name}/${name}`;
  if (stats === null) {
    // What stands for bytes that are no UTF-8 names nothing.
    return { reason: name.includes('\uFFFD') ? 'its name is not UTF-8' : 'it cannot be read' };
  }
  if (goesUp(name)) {
    return { reason: 'its name leads out of the folder on other systems' };
  }
  if (stats.isDirectory()) {
    const children = childrenOf(path, `${name}/`);
    const header: TarEntry = { ...headOf(`${inArchive}/`, stats), type: 'Directory', size: 0 };
    return children === null ? { reason: 'it cannot be read' } : { header, children, source: null };
  }
  if (stats.isSymbolicLink()) {
    const linkpath = ifReadable(() => readlinkSync(path));
    if (linkpath === null || !staysInFolder(inArchive, linkpath)) {
      return { reason: `a link that leads out of the folder of the atom, to ${JSON.stringify(linkpath)}` };
    }
    const header: TarEntry = { ...headOf(inArchive, stats), type: 'SymbolicLink', size: 0, linkpath };
    return { header, children: [], source: null };
  }
  if (!stats.isFile()) {
    return { reason: kindOf(stats) };
  }
  const source = openSource(path);
  if (source === null) {
    return { reason: 'it cannot be read' };
  }
  const header: TarEntry = {
    ...headOf(inArchive, source.stats),
    type: 'File',
    size: source.stats.size,
  };
  return { header, children: [], source };
}

/** Where names need an extended header, some readers take what follows a line end in them for one more. */
function nameProblem({ path, linkpath = '' }: TarEntry, header: Buffer | null): string | null {
  const isExtended = header !== null && header.length > PLAIN_HEADER_BYTES;
  return isExtended && (path + linkpath).includes('\n')
    ? 'a line end in a name that is long or not ASCII'
    : null;
}

function kindOf(stats: Stats): string {
  if (stats.isSocket()) {
    return 'a socket';
  }
  return stats.isFIFO() ? 'a pipe' : 'a device';
}

function headOf(path: string, stats: Stats) {
  return { path, mode: stats.mode & PERMISSIONS, mtime: stats.mtime };
}

/** As many bytes as come in. */
async function* maskedBy(masks: Masks, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const stream = masks.stream();
  for await (const chunk of chunks) {
    yield stream.push(chunk);
  }
  yield stream.end();
}

/** Last first, so that popping gives them in order. null when it cannot be read. */
function childrenOf(path: string, prefix: string): string[] | null {
  return (
    ifReadable(() => readdirSync(path))
      ?.sort()
      .reverse()
      .map((name) => prefix + name) ?? null
  );
}

/** A file that is open, with its size at that moment. */
interface Source {
  readonly fd: number;
  readonly stats: Stats;
}

/** null when it cannot be read, or is no file any more. */
function openSource(path: string): Source | null {
  // Not to wait for the other end of a pipe, nor to follow a link out of the folder.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  const fd = ifReadable(() => openSync(path, flags));
  if (fd === null) {
    return null;
  }
  const stats = fstatSync(fd);
  if (stats.isFile()) {
    return { fd, stats };
  }
  closeSync(fd);
  return null;
}

/** Exactly as many bytes as the file had when it was opened. Closes it. */
async function* contentOf({ fd, stats: { size } }: Source): AsyncGenerator<Buffer> {
  if (size <= TINY_BYTES) {
    const bytes = Buffer.alloc(size);
    try {
      readSync(fd, bytes, 0, size, 0);
    } finally {
      closeSync(fd);
    }
    yield bytes;
    return;
  }
  let left = size;
  for await (const chunk of createReadStream('', {
    fd,
    start: 0,
    end: size - 1,
    highWaterMark: READ_BYTES,
  })) {
    left -= chunk.length;
    yield chunk;
  }
  for (; left > 0; left -= READ_BYTES) {
    yield Buffer.alloc(Math.min(left, READ_BYTES));
  }
}

/** What an atom has removed, or forbidden itself to read, is no fault of the archive. */
const UNREADABLE: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP', 'ENXIO']);

function ifReadable<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (error instanceof Error && 'code' in error && UNREADABLE.has(error.code)) {
      return null;
    }
    throw error;
  }
}
