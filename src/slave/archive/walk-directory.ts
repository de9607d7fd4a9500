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
  type FileSource,
  isSmallFile,
  nullIfUnreadable,
  openFileSource,
  readFileSource,
  readSmallFile,
  unreadableReason,
} from './file-source.js';
import { FolderNames } from './folder-names.js';

/** The folder of an atom. */
interface RootFolder {
  /** Contains no symbolic link. */
  readonly path: string;
  /** In the archive. */
  readonly name: string;
}

const PLAIN_HEADER_BYTES = 512;
const PERMISSIONS = 0o777;
const OWNER_ONLY = 0o700;
/** Small pieces are yielded together: with a hundred thousand empty files each step costs more than a header. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Yields tar entries for the contents of a folder, each folder before its own contents. Entries that cannot be delivered are
 * left out and noted. Memory holds some thousand names of each folder on the current path, a piece of one file, and a number
 * for each entry.
 * @throws Error of the file system when this process cannot open more files
 */
export async function* walkDirectory(
  folder: RootFolder,
  isWanted: (name: string) => boolean,
  quota: ArtifactQuota,
  notes: AtomNotes,
): AsyncGenerator<Buffer> {
  const open = openAtom(folder.path, notes);
  if (open === null) {
    return;
  }
  try {
    yield* entriesIn({ path: open.path.toString(), name: folder.name }, isWanted, quota, notes);
  } finally {
    open.close();
  }
}

/** null when the folder is gone, or the atom has replaced it or a folder above it. */
function openAtom(path: string, notes: AtomNotes): OpenFolder | null {
  let open: OpenFolder;
  try {
    open = OpenFolder.open(Buffer.from(path));
  } catch (error) {
    if (unreadableReason(error) === null) {
      throw error;
    }
    if (hasCode(error, 'ENOTDIR')) {
      notes.leaveOut('.', 'ARTIFACT_DIR was replaced by a file, or by a link to another folder');
    }
    return null;
  }
  const real = nullIfUnreadable(() => open.realPath());
  if (real === path) {
    // The atom may have changed the permissions.
    nullIfUnreadable(() => open.chmod(OWNER_ONLY));
    return open;
  }
  open.close();
  notes.leaveOut('.', 'a folder above ARTIFACT_DIR was replaced by a link');
  return null;
}

async function* entriesIn(
  folder: RootFolder,
  isWanted: (name: string) => boolean,
  quota: ArtifactQuota,
  notes: AtomNotes,
): AsyncGenerator<Buffer> {
  const chunk = new ChunkBuilder();
  const tree = new OpenTree(folder.path, isWanted);
  const paths = new EntryPaths();
  try {
    for (let next = tree.next(); next !== null; next = tree.next()) {
      const { name } = next;
      const found = next.isText ? tryEntryOf(folder, name) : { reason: 'its name is not UTF-8' };
      const refusal =
        'reason' in found
          ? found.reason
          : (quota.take(found.source?.stats.size ?? 0) ??
            paths.add(`${folder.name}/${name}`, found.children !== null));
      if ('reason' in found || refusal !== null) {
        notes.leaveOut(name, refusal ?? '');
        release(found);
        continue;
      }
      chunk.add(found.header);
      if (found.children !== null) {
        tree.enter(name, found.children);
      }
      const onMissing = (bytes: number) =>
        notes.cut(name, bytes, 'because it was shortened or became unreadable while it was packed');
      if (found.source !== null && isSmallFile(found.source)) {
        const bytes = readSmallFile(found.source, onMissing);
        notes.read(name, bytes);
        chunk.add(bytes);
      } else if (found.source !== null) {
        yield chunk.take();
        yield* notes.reading(name, readFileSource(found.source, onMissing));
      }
      chunk.add(tarPadding(found.source?.stats.size ?? 0));
      if (chunk.bytes >= CHUNK_BYTES) {
        yield chunk.take();
      }
    }
    yield chunk.take();
  } finally {
    tree.close();
  }
}

/** Collects small pieces of the tar. */
class ChunkBuilder {
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

/** A path relative to the root folder. `isText` is false when its bytes are not UTF-8. */
interface NameInTree {
  readonly name: string;
  readonly isText: boolean;
}

/** Iterates over the names in a folder, and depth-first over those in the folders that are entered. */
class OpenTree {
  /** The folders of the current path; `prefix` is relative to the root. */
  readonly #open: { readonly names: FolderNames; readonly prefix: string }[] = [];
  readonly #isWanted: (name: string) => boolean;

  /** An unreadable folder counts as empty. `isWanted` filters the names in the root folder. */
  constructor(path: string, isWanted: (name: string) => boolean) {
    this.#isWanted = isWanted;
    const names = nullIfUnreadable(() => new FolderNames(path));
    if (names !== null) {
      this.#open.push({ names, prefix: '' });
    }
  }

  /** null at the end. */
  next(): NameInTree | null {
    for (let folder = this.#open.at(-1); folder !== undefined; folder = this.#open.at(-1)) {
      const { names, prefix } = folder;
      const bytes = nullIfUnreadable(() => names.next());
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

  /** The contents of the folder with this name come next. */
  enter(name: string, names: FolderNames): void {
    this.#open.push({ names, prefix: `${name}/` });
  }

  close(): void {
    for (const { names } of this.#open) {
      names.close();
    }
  }
}

/** `latin1`: a string of the name's bytes. */
function textOf(latin1: string): NameInTree {
  if (!/[\x80-\xff]/.test(latin1)) {
    return { name: latin1, isText: true };
  }
  const bytes = Buffer.from(latin1, 'latin1');
  return { name: bytes.toString('utf8'), isText: isUtf8(bytes) };
}

/** The entry of the archive for a name, or the reason why there is none. */
type Found = Delivered | { readonly reason: string };

interface Delivered {
  readonly header: Buffer;
  /** The open names of a folder; null for anything else. */
  readonly children: FolderNames | null;
  /** null for anything but a file. */
  readonly source: FileSource | null;
}

/** Closes what is not used. */
function release(found: Found): void {
  if ('reason' in found) {
    return;
  }
  found.children?.close();
  if (found.source !== null) {
    closeSync(found.source.fd);
  }
}

function tryEntryOf(folder: RootFolder, name: string): Found {
  try {
    return entryOf(folder, name);
  } catch (error) {
    const reason = unreadableReason(error);
    if (reason === null) {
      throw error;
    }
    return { reason };
  }
}

/** @throws Error of the file system */
function entryOf(folder: RootFolder, name: string): Found {
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

/** Some readers take a line end in an extended header for the start of another header. */
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
  return stats.isFile() ? 'it was changed while it was packed' : 'a device';
}

function headOf(path: string, stats: Stats) {
  return { path, mode: stats.mode & PERMISSIONS, mtime: stats.mtime };
}
