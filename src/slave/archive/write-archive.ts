import { createWriteStream, lstatSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { blockGzip } from '../../lib/formats/block-gzip.js';
import { fileEntry, tarHeader, tarPadding } from '../../lib/formats/tar-header.js';
import type { AtomId } from '../../protocol/ids.js';
import { isCommandFile, NOTES_FILE, SETUP_FILE } from '../../protocol/results/archive-names.js';
import type { ResultFacts, TestCounts } from '../../protocol/results/result-facts.js';
import { BLOCK_BYTES, type ConsoleIndex, type ResultIndex } from '../../protocol/results/result-index.js';
import { type ResultLimits, unlimited } from '../../protocol/results/result-limits.js';
import { ArtifactQuota, type FreeBytes, SubjobQuota } from './artifact-quota.js';
import { AtomNotes } from './atom-notes.js';
import { ConsoleIndexer } from './console-indexer.js';
import { nullIfUnreadable } from './file-source.js';
import { walkDirectory } from './walk-directory.js';

/** An atom's folder, which becomes a folder in the archive of its subjob. */
export interface AtomFolder {
  readonly atom: AtomId;
  readonly path: string;
  /** Its name in the archive. */
  readonly name: string;
  /** The output of the atom, and the name of its file in the archive. */
  readonly console: { readonly name: string; readonly recorded: RecordedConsole };
  /** Files that ClusterRunner adds; files of the same names in the folder are left out. */
  readonly added: readonly { readonly name: string; readonly content: string; readonly mode: number }[];
  /** Counts that a worker has reported; null without. */
  readonly tests?: TestCounts | null;
}

export interface RecordedConsole {
  readonly size: number;
  /** How many bytes were left out because it was too long. */
  readonly cutBytes: number;
  /** Exactly `size` bytes. */
  content(): AsyncIterable<Buffer>;
}

/** Between a slave and its master, speed matters more than size. */
const LEVEL = 1;
const DISK_FULL = 'the disk of the slave has no space for it';
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

export interface ArchiveOptions {
  /** Default: unlimited. */
  readonly limits?: ResultLimits;
  /** Free space on the disk of the archive. Default: unknown. */
  readonly freeBytes?: FreeBytes;
  /** The contents that are left out because the disk has no space for them. */
  readonly without?: 'files' | 'files and consoles';
}

export interface WrittenArchive extends ResultIndex {
  /** Only of atoms that have some. */
  readonly facts: ReadonlyMap<AtomId, ResultFacts>;
}

/**
 * Writes the atoms' folders into a `tar.gz` without the blocks that end a tar, so that archives can be concatenated. Holds one
 * block in memory, however large the files are. Links stay links. A notes file names the entries that are left out: sockets,
 * pipes, devices, links out of the folder, unreadable files, names that are not UTF-8, files beyond the limits. A file that
 * shrinks while it is read is padded with zeros, one that grows is cut.
 * @throws Error of the file system when the archive cannot be written
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
    // Not synced to the disk: after a power cut the master refuses a damaged archive, and the work is done again.
    createWriteStream(file),
  );
  return { members, consoles: tar.consoles, facts: tar.facts };
}

class TarOfFolders {
  readonly consoles: ConsoleIndex[] = [];
  readonly facts = new Map<AtomId, ResultFacts>();
  readonly #folders: readonly AtomFolder[];
  readonly #quota: SubjobQuota;
  readonly #without: ArchiveOptions['without'] | null;
  #position = 0;

  constructor(folders: readonly AtomFolder[], options: ArchiveOptions) {
    this.#folders = folders;
    this.#without = options.without ?? null;
    this.#quota = new SubjobQuota(options.limits ?? unlimited, options.freeBytes ?? (() => null));
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
    const { added, atom, console, tests = null } = folder;
    const notes = new AtomNotes(tests);
    const mtime = nullIfUnreadable(() => lstatSync(folder.path).mtime) ?? new Date();
    // Concatenated: each chunk costs more than its bytes.
    yield Buffer.concat([
      tarHeader({ path: `${folder.name}/`, type: 'Directory', size: 0, mode: FOLDER_MODE, mtime }),
      ...added.flatMap(({ name, content, mode }) =>
        fileEntry(`${folder.name}/${name}`, Buffer.from(content), mode, mtime),
      ),
    ]);
    if (this.#without === 'files and consoles') {
      notes.leaveOut(console.name, DISK_FULL);
    }
    yield* this.#console(folder, mtime);
    const { cutBytes } = console.recorded;
    if (cutBytes > 0) {
      notes.cut(console.name, cutBytes, 'because it was too long (console_max_mib_per_atom)');
    }
    const taken = new Set([console.name, NOTES_FILE, SETUP_FILE, ...added.map(({ name }) => name)]);
    const isWanted = (name: string) => {
      if (taken.has(name) || isCommandFile(name)) {
        notes.leaveOut(name, 'ClusterRunner writes a file of this name itself');
        return false;
      }
      if (this.#without !== null) {
        notes.leaveOut(name, DISK_FULL);
      }
      return this.#without === null;
    };
    yield* walkDirectory(folder, isWanted, new ArtifactQuota(this.#quota), notes);
    const facts = notes.facts();
    if (facts !== null) {
      this.facts.set(atom, facts);
    }
    const text = Buffer.from(notes.text());
    if (text.length > 0) {
      yield Buffer.concat(fileEntry(`${folder.name}/${NOTES_FILE}`, text, FILE_MODE, mtime));
    }
  }

  async *#console({ atom, name, console }: AtomFolder, mtime: Date): AsyncGenerator<Buffer> {
    const isWanted = this.#without !== 'files and consoles';
    const size = isWanted ? console.recorded.size : 0;
    const header = tarHeader({ path: `${name}/${console.name}`, type: 'File', size, mode: FILE_MODE, mtime });
    const indexer = new ConsoleIndexer(atom, this.#position + header.length);
    yield header;
    for await (const chunk of isWanted ? console.recorded.content() : []) {
      indexer.pass(chunk);
      yield chunk;
    }
    yield tarPadding(size);
    this.consoles.push(indexer.index());
  }
}
