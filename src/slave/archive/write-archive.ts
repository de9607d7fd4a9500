import {
  createReadStream,
  createWriteStream,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { blockGzip } from '../../lib/block-gzip.js';
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
  /** Name of the file in it that is the console. */
  readonly console: string;
}

/** Speed counts more than size on the way from a slave to its master. */
const LEVEL = 1;
const READ_BYTES = 256 * 1024;
/** Most files are tiny, and a trip through the thread pool for each costs more than reading them. */
const TINY_BYTES = 64 * 1024;
const PERMISSIONS = 0o777;

/**
 * Writes the atoms' folders into a `tar.gz` without the blocks that end a tar, so that archives can be put one
 * behind the other. Holds one block in memory, however large the files are. Links stay links; sockets, pipes and
 * devices are left out. A file that shrinks while it is read is filled up with zeros, one that grows is cut.
 * @throws the file system's error
 */
export async function writeArchive(folders: readonly AtomFolder[], file: string): Promise<ResultIndex> {
  const members: number[] = [];
  const consoles: ConsoleIndex[] = [];
  const tar = new TarOfFolders(folders, consoles);
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
  #position = 0;

  constructor(folders: readonly AtomFolder[], consoles: ConsoleIndex[]) {
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
    // Names to visit yet, relative to the folder; folders before what is in them.
    const pending = [''];
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      const path = join(folder.path, name);
      const stats = lstatSync(path);
      const entry = {
        path: name === '' ? folder.name : `${folder.name}/${name}`,
        mode: stats.mode & PERMISSIONS,
        mtime: stats.mtime,
      };
      if (stats.isDirectory()) {
        yield tarHeader({ ...entry, path: `${entry.path}/`, type: 'Directory', size: 0 });
        const inside = readdirSync(path).sort().reverse();
        pending.push(...inside.map((child) => (name === '' ? child : `${name}/${child}`)));
      } else if (stats.isSymbolicLink()) {
        yield tarHeader({ ...entry, type: 'SymbolicLink', size: 0, linkpath: readlinkSync(path) });
      } else if (stats.isFile()) {
        yield tarHeader({ ...entry, type: 'File', size: stats.size });
        yield* name === folder.console
          ? this.#console(folder.atom, path, stats)
          : contentOf(path, stats.size);
        yield tarPadding(stats.size);
      }
    }
  }

  async *#console(atom: AtomId, path: string, stats: Stats): AsyncGenerator<Buffer> {
    const indexer = new ConsoleIndexer(atom, this.#position);
    for await (const chunk of contentOf(path, stats.size)) {
      indexer.pass(chunk);
      yield chunk;
    }
    this.#consoles.push(indexer.index());
  }
}

/** Exactly `size` bytes. */
async function* contentOf(path: string, size: number): AsyncGenerator<Buffer> {
  if (size === 0) {
    return;
  }
  if (size <= TINY_BYTES) {
    const bytes = readFileSync(path).subarray(0, size);
    yield bytes;
    yield Buffer.alloc(size - bytes.length);
    return;
  }
  let left = size;
  for await (const chunk of createReadStream(path, { end: size - 1, highWaterMark: READ_BYTES })) {
    left -= chunk.length;
    yield chunk;
  }
  for (; left > 0; left -= READ_BYTES) {
    yield Buffer.alloc(Math.min(left, READ_BYTES));
  }
}
