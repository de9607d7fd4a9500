import { closeSync, lstatSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { type TarEntry, tarHeader, tarPadding } from '../../lib/tar-header.js';
import { goesUp, staysInFolder } from '../../protocol/archive-names.js';
import type { ArtifactRoom } from './artifact-room.js';
import type { AtomNotes } from './atom-notes.js';
import { FolderNames } from './folder-names.js';
import { contentOf, ifReadable, isTiny, openSource, type Source, tinyContentOf } from './source.js';

/** Where the files are, and what their folder is called in the archive. */
interface Place {
  readonly path: string;
  readonly name: string;
}

const PLAIN_HEADER_BYTES = 512;
const PERMISSIONS = 0o777;
/** Handed on at once: of a hundred thousand empty files each step costs more than its header. */
const GATHERED_BYTES = 64 * 1024;

/**
 * The entries of a tar for what is in a folder, each folder before what is in it. What cannot be delivered is left out,
 * and `notes` are told. Holds some thousand names of each folder that it is in, and a piece of one file.
 * @throws the file system's error
 */
export async function* entriesBelow(
  folder: Place,
  isWanted: (name: string) => boolean,
  room: ArtifactRoom,
  notes: AtomNotes,
): AsyncGenerator<Buffer> {
  const gathered = new Gathered();
  const tree = new OpenTree(folder.path, isWanted);
  try {
    for (let name = tree.next(); name !== null; name = tree.next()) {
      const found = lookAt(folder, name);
      const refusal = 'reason' in found ? found.reason : room.take(found.source?.stats.size ?? 0);
      if ('reason' in found || refusal !== null) {
        notes.leaveOut(name, refusal ?? '');
        release(found);
        continue;
      }
      gathered.add(found.header);
      if (found.children !== null) {
        tree.enter(name, found.children);
      }
      if (found.source !== null && isTiny(found.source)) {
        const bytes = tinyContentOf(found.source);
        notes.read(name, bytes);
        gathered.add(bytes);
      } else if (found.source !== null) {
        yield gathered.take();
        yield* notes.reading(name, contentOf(found.source));
      }
      gathered.add(tarPadding(found.source?.stats.size ?? 0));
      if (gathered.bytes >= GATHERED_BYTES) {
        yield gathered.take();
      }
    }
    yield gathered.take();
  } finally {
    tree.close();
  }
}

/** Small pieces of the tar, to be handed on together. */
class Gathered {
  bytes = 0;
  #pieces: Buffer[] = [];

  add(piece: Buffer): void {
    this.#pieces.push(piece);
    this.bytes += piece.length;
  }

  take(): Buffer {
    const all = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.bytes = 0;
    return all;
  }
}

/** Goes through a folder and those in it that are entered, each before what follows it. */
class OpenTree {
  /** Each in the one before it; `prefix` is relative to the first. */
  readonly #open: { readonly names: FolderNames; readonly prefix: string }[] = [];
  readonly #isWanted: (name: string) => boolean;

  /** A folder that cannot be read has nothing in it. `isWanted` is asked for the names in the first. */
  constructor(path: string, isWanted: (name: string) => boolean) {
    this.#isWanted = isWanted;
    const names = namesIn(path);
    if (names !== null) {
      this.#open.push({ names, prefix: '' });
    }
  }

  /** Relative to the first folder. null at the end. */
  next(): string | null {
    for (let folder = this.#open.at(-1); folder !== undefined; folder = this.#open.at(-1)) {
      const name = folder.names.next();
      if (name === null) {
        this.#open.pop();
      } else if (folder.prefix !== '' || this.#isWanted(name)) {
        return folder.prefix + name;
      }
    }
    return null;
  }

  /** What is in the folder of this name comes next. */
  enter(name: string, names: FolderNames): void {
    this.#open.push({ names, prefix: `${name}/` });
  }

  close(): void {
    for (const { names } of this.#open) {
      names.close();
    }
  }
}

/** What goes into the archive for a name in an atom's folder, or why nothing does. */
type Found = Delivered | { readonly reason: string };

interface Delivered {
  readonly header: Buffer;
  /** Of a folder, open. */
  readonly children: FolderNames | null;
  /** Of a file. */
  readonly source: Source | null;
}

/** Closes what is not used after all. */
function release(found: Found): void {
  if ('reason' in found) {
    return;
  }
  found.children?.close();
  if (found.source !== null) {
    closeSync(found.source.fd);
  }
}

function lookAt(folder: Place, name: string): Found {
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
    const children = namesIn(path);
    return children === null
      ? { reason: 'it cannot be read' }
      : delivered({ ...headOf(`${inArchive}/`, stats), type: 'Directory', size: 0 }, { children });
  }
  if (stats.isSymbolicLink()) {
    const linkpath = ifReadable(() => readlinkSync(path));
    return linkpath === null || !staysInFolder(inArchive, linkpath)
      ? { reason: `a link that leads out of the folder of the atom, to ${JSON.stringify(linkpath)}` }
      : delivered({ ...headOf(inArchive, stats), type: 'SymbolicLink', size: 0, linkpath }, {});
  }
  if (!stats.isFile()) {
    return { reason: kindOf(stats) };
  }
  const source = openSource(path);
  return source === null
    ? { reason: 'it cannot be read' }
    : delivered({ ...headOf(inArchive, source.stats), type: 'File', size: source.stats.size }, { source });
}

function delivered(
  entry: TarEntry,
  {
    children = null,
    source = null,
  }: {
    readonly children?: FolderNames | null;
    readonly source?: Source | null;
  },
): Found {
  const found: Delivered = { header: tarHeader(entry), children, source };
  const reason = nameProblem(entry, found.header);
  if (reason === null) {
    return found;
  }
  release(found);
  return { reason };
}

/** Where names need an extended header, some readers take what follows a line end in them for one more. */
function nameProblem({ path, linkpath = '' }: TarEntry, header: Buffer): string | null {
  const isExtended = header.length > PLAIN_HEADER_BYTES;
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

/** null when it cannot be read. */
function namesIn(path: string): FolderNames | null {
  return ifReadable(() => new FolderNames(path));
}
