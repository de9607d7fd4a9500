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
import { tarHeader, tarPadding } from '../../lib/tar-header.js';
import type { AtomId } from '../../protocol/ids.js';
import { BLOCK_BYTES, type ConsoleIndex, type ResultIndex } from '../../protocol/result-index.js';
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
const PERMISSIONS = 0o777;
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

/**
 * Writes the atoms' folders into a `tar.gz` without the blocks that end a tar, so that archives can be put one
 * behind the other. Holds one block in memory, however large the files are. Links stay links; sockets, pipes and
 * devices are left out, and so is what cannot be read or is removed meanwhile. A file that shrinks while it is read
 * is filled up with zeros, one that grows is cut.
 * @throws the file system's error when the archive cannot be written
 */
export async function writeArchive(
  folders: readonly AtomFolder[],
  file: string,
  masks: Masks = new Masks([]),
): Promise<ResultIndex> {
  const members: number[] = [];
  const consoles: ConsoleIndex[] = [];
  const tar = new TarOfFolders(folders, consoles, masks);
  await pipeline(
    blockGzip(tar.bytes(), {
      blockBytes: BLOCK_BYTES,
      level: LEVEL,
      onMember: (bytes) => members.push(bytes),
    }),
    createWriteStream(file, { flush: true }),
  );
  return { members, consoles };
}

class TarOfFolders {
  readonly #folders: readonly AtomFolder[];
  readonly #consoles: ConsoleIndex[];
  readonly #masks: Masks;
  #position = 0;

  constructor(folders: readonly AtomFolder[], consoles: ConsoleIndex[], masks: Masks) {
    this.#masks = masks;
    this.#folders = folders;
    this.#consoles = consoles;
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
    const { added, console } = folder;
    const mtime = ifReadable(() => lstatSync(folder.path).mtime) ?? new Date();
    yield tarHeader({ path: `${folder.name}/`, type: 'Directory', size: 0, mode: FOLDER_MODE, mtime });
    for (const { name, content, mode } of added) {
      const bytes = Buffer.from(content);
      yield tarHeader({ path: `${folder.name}/${name}`, type: 'File', size: bytes.length, mode, mtime });
      yield bytes;
      yield tarPadding(bytes.length);
    }
    yield* this.#console(folder, mtime);
    const taken = new Set([console, ...added.map(({ name }) => name)]);
    yield* entriesBelow(folder, (name) => !taken.has(name));
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
    this.#consoles.push(indexer.index());
  }
}

async function* entriesBelow(
  folder: AtomFolder,
  isWanted: (name: string) => boolean,
): AsyncGenerator<Buffer> {
  // Names to visit yet, relative to the folder; folders before what is in them.
  const pending = childrenOf(folder.path, '').filter(isWanted);
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const path = join(folder.path, name);
    const stats = ifReadable(() => lstatSync(path));
    if (stats?.isDirectory()) {
      yield tarHeader({ ...headOf(`${folder.name}/${name}/`, stats), type: 'Directory', size: 0 });
      pending.push(...childrenOf(path, `${name}/`));
    } else if (stats?.isSymbolicLink()) {
      const linkpath = ifReadable(() => readlinkSync(path));
      if (linkpath !== null) {
        yield tarHeader({
          ...headOf(`${folder.name}/${name}`, stats),
          type: 'SymbolicLink',
          size: 0,
          linkpath,
        });
      }
    } else if (stats?.isFile()) {
      const source = openSource(path);
      if (source !== null) {
        const { size } = source.stats;
        yield tarHeader({ ...headOf(`${folder.name}/${name}`, source.stats), type: 'File', size });
        yield* contentOf(source);
        yield tarPadding(size);
      }
    }
  }
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

/** Last first, so that popping gives them in order. */
function childrenOf(path: string, prefix: string): string[] {
  const names = ifReadable(() => readdirSync(path)) ?? [];
  return names
    .sort()
    .reverse()
    .map((name) => prefix + name);
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
