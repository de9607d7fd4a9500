import { isUtf8 } from 'node:buffer';
import { closeSync, lstatSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '../../lib/error-code.js';
import { type TarEntry, tarHeader, tarPadding } from '../../lib/formats/tar-header.js';
import { OpenFolder } from '../../lib/fs/open-folder.js';
import { goesUp, staysInFolder } from '../../protocol/results/archive-names.js';
import { EntryPaths, pathProblem } from '../../protocol/results/entry-paths.js';
import type { ArtifactQuota } from './artifact-quota.js';
import type { AtomNotes } from './atom-notes.js';
import {
  contentOf,
  type FileSource,
  ifReadable,
  isTiny,
  openFileSource,
  tinyContentOf,
  whyUnreadable,
} from './file-source.js';
import { FolderNames } from './folder-names.js';

/** Where the files are, and what their folder is called in the archive. */
interface Place {
  /** Without links in it. */
  readonly path: string;
  readonly name: string;
}

const PLAIN_HEADER_BYTES = 512;
const PERMISSIONS = 0o777;
const OWN = 0o700;
/** Handed on at once: of a hundred thousand empty files each step costs more than its header. */
const GATHERED_BYTES = 64 * 1024;

/**
 * The entries of a tar for what is in a folder, each folder before what is in it. What cannot be delivered is left out,
 * and `notes` are told. Holds some thousand names of each folder that it is in, a piece of one file, and a number for
 * each entry.
 * @throws the file system's error when this process can open no more files
 */
export async function* walkDirectory(
  folder: Place,
  isWanted: (name: string) => boolean,
  room: ArtifactQuota,
  notes: AtomNotes,
): AsyncGenerator<Buffer> {
  const open = openAtom(folder.path, notes);
  if (open === null) {
    return;
  }
  try {
    yield* entriesIn({ path: open.path.toString(), name: folder.name }, isWanted, room, notes);
  } finally {
    open.close();
  }
}

/** null when nothing is there any more, or something else than what was there when the atom began. */
function openAtom(path: string, notes: AtomNotes): OpenFolder | null {
  let open: OpenFolder;
  try {
    open = OpenFolder.open(Buffer.from(path));
  } catch (error) {
    if (whyUnreadable(error) === null) {
      throw error;
    }
    if (hasCode(error, 'ENOTDIR')) {
      notes.leaveOut(
        '.',
        'something else is in the place of ARTIFACT_DIR: a file, or a link to another folder',
      );
    }
    return null;
  }
  const real = ifReadable(() => open.realPath());
  if (real === path) {
    // It is the slave's, whatever the atom has made of its permissions.
    ifReadable(() => open.chmod(OWN));
    return open;
  }
  open.close();
  notes.leaveOut('.', 'a link is in the place of a folder above ARTIFACT_DIR');
  return null;
}

async function* entriesIn(
  folder: Place,
  isWanted: (name: string) => boolean,
  room: ArtifactQuota,
  notes: AtomNotes,
): AsyncGenerator<Buffer> {
  const gathered = new Gathered();
  const tree = new OpenTree(folder.path, isWanted);
  const paths = new EntryPaths();
  try {
    for (let next = tree.next(); next !== null; next = tree.next()) {
      const { name } = next;
      const found = next.isText ? lookAt(folder, name) : { reason: 'its name is not UTF-8' };
      const refusal =
        'reason' in found
          ? found.reason
          : (room.take(found.source?.stats.size ?? 0) ??
            paths.add(`${folder.name}/${name}`, found.children !== null));
      if ('reason' in found || refusal !== null) {
        notes.leaveOut(name, refusal ?? '');
        release(found);
        continue;
      }
      gathered.add(found.header);
      if (found.children !== null) {
        tree.enter(name, found.children);
      }
      const missing = (bytes: number) =>
        notes.cut(name, bytes, 'because it was shortened, or could not be read on, while it was packed');
      if (found.source !== null && isTiny(found.source)) {
        const bytes = tinyContentOf(found.source, missing);
        notes.read(name, bytes);
        gathered.add(bytes);
      } else if (found.source !== null) {
        yield gathered.take();
        yield* notes.reading(name, contentOf(found.source, missing));
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

/** A name relative to the first folder. One that is no text stands for bytes that are not UTF-8. */
interface NameInTree {
  readonly name: string;
  readonly isText: boolean;
}

/** Goes through a folder and those in it that are entered, each before what follows it. */
class OpenTree {
  /** Each in the one before it; `prefix` is relative to the first. */
  readonly #open: { readonly names: FolderNames; readonly prefix: string }[] = [];
  readonly #isWanted: (name: string) => boolean;

  /** A folder that cannot be read has nothing in it. `isWanted` is asked for the names in the first. */
  constructor(path: string, isWanted: (name: string) => boolean) {
    this.#isWanted = isWanted;
    const names = ifReadable(() => new FolderNames(path));
    if (names !== null) {
      this.#open.push({ names, prefix: '' });
    }
  }

  /** null at the end. */
  next(): NameInTree | null {
    for (let folder = this.#open.at(-1); folder !== undefined; folder = this.#open.at(-1)) {
      const { names, prefix } = folder;
      const bytes = ifReadable(() => names.next());
      if (bytes === null) {
        names.close();
        this.#open.pop();
        continue;
      }
      const { name, isText } = textOf(bytes);
      if (prefix !== '' || this.#isWanted(name)) {
        return { name: prefix + name, isText };
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

/** Of bytes in latin1. */
function textOf(latin1: string): NameInTree {
  if (!/[\x80-\xff]/.test(latin1)) {
    return { name: latin1, isText: true };
  }
  const bytes = Buffer.from(latin1, 'latin1');
  return { name: bytes.toString('utf8'), isText: isUtf8(bytes) };
}

/** What goes into the archive for a name in an atom's folder, or why nothing does. */
type Found = Delivered | { readonly reason: string };

interface Delivered {
  readonly header: Buffer;
  /** Of a folder, open. */
  readonly children: FolderNames | null;
  /** Of a file. */
  readonly source: FileSource | null;
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
  try {
    return entryOf(folder, name);
  } catch (error) {
    const reason = whyUnreadable(error);
    if (reason === null) {
      throw error;
    }
    return { reason };
  }
}

/** @throws the file system's error */
function entryOf(folder: Place, name: string): Found {
  const path = join(folder.path, name);
  const inArchive = `${folder.name}/${name}`;
  const stats = lstatSync(path);
  if (goesUp(name)) {
    return { reason: 'its name leads out of the folder on other systems' };
  }
  const problem = pathProblem(inArchive);
  if (problem !== null) {
    return { reason: problem };
  }
  if (stats.isDirectory()) {
    const children = new FolderNames(path);
    return delivered({ ...headOf(`${inArchive}/`, stats), type: 'Directory', size: 0 }, { children });
  }
  if (stats.isSymbolicLink()) {
    const bytes = readlinkSync(path, 'buffer');
    const linkpath = bytes.toString('utf8');
    if (!isUtf8(bytes)) {
      return { reason: 'a link to something whose name is not UTF-8' };
    }
    return staysInFolder(inArchive, linkpath)
      ? delivered({ ...headOf(inArchive, stats), type: 'SymbolicLink', size: 0, linkpath }, {})
      : { reason: `a link that leads out of the folder of the atom, to ${JSON.stringify(linkpath)}` };
  }
  const source = stats.isFile() ? openFileSource(path) : null;
  return source === null
    ? { reason: kindOf(stats) }
    : delivered({ ...headOf(inArchive, source.stats), type: 'File', size: source.stats.size }, { source });
}

function delivered(
  entry: TarEntry,
  {
    children = null,
    source = null,
  }: {
    readonly children?: FolderNames | null;
    readonly source?: FileSource | null;
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
  if (stats.isFIFO()) {
    return 'a pipe';
  }
  return stats.isFile() ? 'it changed while it was packed' : 'a device';
}

function headOf(path: string, stats: Stats) {
  return { path, mode: stats.mode & PERMISSIONS, mtime: stats.mtime };
}
